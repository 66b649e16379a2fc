//! How Reeve is run in a test: in one process, or apart, and by which service its client comes in.

/// A deployment. Every test of the main job runs on each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deployment {
    /// `reeved up`: one process on an embedded store.
    Up,
    /// Processes of their own over three etcd; the client knows the address of one of them.
    Apart(Door),
}

impl Deployment {
    /// How often is tried what is tried so many times on one process: less often where each time is the work of several.
    pub(crate) fn rounds(self, many: usize) -> usize {
        if self == Self::Up { many } else { many / 5 }
    }
}

/// The one address that a client has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Identity,
    Policy,
    Agentmap,
    /// A sidecar's socket.
    Sidecar,
}

/// Makes a test of each function of the list on each deployment: `story::up::NAME`, `story::apart::NAME`.
macro_rules! tests {
    ($tests:tt on $($module:ident = $deployment:expr),+ $(,)?) => {
        $(tests! { @ $tests $module $deployment })+
    };
    (@ [$($test:ident),+ $(,)?] $module:ident $deployment:expr) => {
        mod $module {
            use crate::deployment::*;

            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $test() {
                    super::$test($deployment).await;
                }
            )+
        }
    };
}
