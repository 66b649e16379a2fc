//! The thread that starts every server, and lives as long as the process.
//!
//! The kernel ends a child by `pdeathsig` when the *thread* that started it ends, not the process. Were it a runtime's thread, a cluster
//! would die with the runtime that happened to start it.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, OnceLock};
use std::thread;

struct Order {
    command: Command,
    answer: Sender<io::Result<Child>>,
}

/// Begins a command that ends with this process, however that ends.
pub fn spawn(program: &str) -> Pending {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", program]);
    Pending(command)
}

/// A command to be started by the keeper.
pub struct Pending(Command);

impl Pending {
    /// The command, to be told its arguments.
    pub fn command(&mut self) -> &mut Command {
        &mut self.0
    }

    /// Starts it.
    ///
    /// # Errors
    /// The program cannot be started.
    ///
    /// # Panics
    /// When no thread can be started.
    pub fn start(self) -> io::Result<Child> {
        static KEEPER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
        let keeper = KEEPER.get_or_init(|| {
            let (orders, inbox) = mpsc::channel::<Order>();
            let keep = move || {
                for mut order in inbox {
                    let _gone = order.answer.send(order.command.spawn());
                }
            };
            thread::Builder::new().name("etcd-keeper".to_owned()).spawn(keep).expect("a thread can be started");
            Mutex::new(orders)
        });
        let (answer, answered) = mpsc::channel();
        let orders = keeper.lock().expect("nobody panics while ordering").clone();
        orders.send(Order { command: self.0, answer }).expect("the keeper never ends");
        answered.recv().expect("the keeper answers")
    }
}
