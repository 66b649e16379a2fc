//! The hash pool: as many threads as cores, at the lowest priority, behind a bounded queue. A flood of logins starves nothing else.

use std::collections::VecDeque;
use std::io;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use reeve_chassis::Failure;
use reeve_credentials::{HashError, HashMemory, Hasher, SALT_BYTES, SecretString, Verified};
use tokio::sync::oneshot;

/// Most passwords that wait for a thread; more are refused with `TOO_BUSY`.
pub const MAX_WAITING_HASHES: usize = 64;

/// One hash. What it needs comes with it; its caller may be gone when its turn comes.
type Job = Box<dyn FnOnce(&mut HashMemory) + Send>;

/// Threads that hash passwords. They end when it is dropped.
pub(crate) struct HashPool {
    hasher: Arc<Hasher>,
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl HashPool {
    /// A thread for each core.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(crate) fn start(hasher: Hasher) -> io::Result<Self> {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let pool = Self { hasher: Arc::new(hasher), queue: Arc::default() };
        for number in 0..threads {
            let queue = pool.queue.clone();
            std::thread::Builder::new().name(format!("hash-{number}")).spawn(move || {
                step_back();
                queue.work();
            })?;
        }
        Ok(pool)
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// `TOO_BUSY`; [`Failure::Internal`] when it cannot be hashed.
    pub(crate) async fn hash(&self, password: SecretString, salt: [u8; SALT_BYTES]) -> Result<String, Failure> {
        let hasher = self.hasher.clone();
        let hashed = self.run(move |memory| hasher.hash(&password, salt, memory)).await?;
        hashed.map_err(Failure::internal)
    }

    /// Whether a password is the one that `phc` was made of. Without one, the same work is done and nothing matches.
    ///
    /// # Errors
    /// `TOO_BUSY`; [`Failure::Internal`] when it cannot be hashed.
    pub(crate) async fn verify(&self, password: SecretString, phc: Option<SecretString>) -> Result<Verified, Failure> {
        let hasher = self.hasher.clone();
        let verified = self
            .run(move |memory| match &phc {
                Some(phc) => hasher.verify(&password, phc.expose(), memory),
                None => hasher.verify(&password, hasher.decoy(), memory).map(|_| Verified::Mismatch),
            })
            .await?;
        match verified {
            // Nobody can sign in with it, and nobody learns from the answer that the account is there.
            Err(error @ HashError::Corrupt) => {
                tracing::error!(%error, "a stored password hash cannot be read");
                Ok(Verified::Mismatch)
            }
            other => other.map_err(Failure::internal),
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut HashMemory) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move |memory: &mut HashMemory| {
            if !answer.is_closed() {
                // The caller may give up meanwhile.
                let _ = answer.send(job(memory));
            }
        });
        if !self.queue.push(job) {
            return Err(Failure::too_busy());
        }
        answered.await.map_err(|_| Failure::internal("a hashing thread gave up"))
    }
}

impl Drop for HashPool {
    fn drop(&mut self) {
        let mut waiting = self.queue.lock();
        waiting.closed = true;
        waiting.jobs.clear();
        drop(waiting);
        self.queue.wake.notify_all();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there was room.
    fn push(&self, job: Job) -> bool {
        let mut waiting = self.lock();
        if waiting.closed || waiting.jobs.len() >= MAX_WAITING_HASHES {
            return false;
        }
        waiting.jobs.push_back(job);
        drop(waiting);
        self.wake.notify_one();
        true
    }

    fn next(&self) -> Option<Job> {
        let idle = |waiting: &mut Waiting| waiting.jobs.is_empty() && !waiting.closed;
        let mut waiting = self.wake.wait_while(self.lock(), idle).unwrap_or_else(PoisonError::into_inner);
        waiting.jobs.pop_front()
    }

    fn work(&self) {
        let mut memory = HashMemory::new();
        while let Some(job) = self.next() {
            // A job that panics must not take its thread with it; its caller sees that the answer is missing.
            let _ = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
        }
    }
}

/// Lets everything else of the machine go first. On Linux a priority is a thread's own.
fn step_back() {
    #[cfg(target_os = "linux")]
    {
        const LOWEST: i32 = 19;
        if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), LOWEST) {
            tracing::debug!(%error, "a hashing thread keeps its priority");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use reeve_credentials::HashParams;

    use super::*;

    fn pool() -> HashPool {
        HashPool::start(Hasher::new(HashParams { memory_kib: 8, passes: 1, lanes: 1 }).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_password_that_was_hashed_is_verified_and_no_other() {
        let pool = pool();
        let phc = pool.hash(SecretString::from("one"), [7; SALT_BYTES]).await.unwrap();
        let verify = async |password: &str, phc: Option<&str>| {
            pool.verify(SecretString::from(password), phc.map(SecretString::from)).await.unwrap()
        };
        assert_eq!(verify("one", Some(&phc)).await, Verified::Match { needs_rehash: false });
        assert_eq!(verify("two", Some(&phc)).await, Verified::Mismatch);
        assert_eq!(verify("one", None).await, Verified::Mismatch);
        assert_eq!(verify("one", Some("no hash")).await, Verified::Mismatch);
    }

    #[tokio::test]
    async fn past_its_queue_the_pool_refuses_and_a_panic_takes_no_thread() {
        let pool = pool();
        let threads = std::thread::available_parallelism().unwrap().get();
        let mut held = Vec::new();
        for _ in 0..threads {
            let (release, wait) = mpsc::channel::<()>();
            let (started, begun) = oneshot::channel();
            assert!(pool.queue.push(Box::new(move |_| {
                started.send(()).unwrap();
                let _ = wait.recv();
                panic!("a job that fails");
            })));
            begun.await.unwrap();
            held.push(release);
        }
        for _ in 0..MAX_WAITING_HASHES {
            assert!(pool.queue.push(Box::new(|_| {})));
        }
        let refused = pool.hash(SecretString::from("x"), [0; SALT_BYTES]).await.unwrap_err();
        assert!(matches!(refused, Failure::Exhausted { .. }), "{refused:?}");
        drop(held);
        // Every thread lives on: what waits is done, and room comes back.
        while pool.hash(SecretString::from("x"), [0; SALT_BYTES]).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
}
