//! The merge schema of tasks: notebooks, shells, commands and TensorBoards.

use crate::schema::{Kind, known};
use crate::schema_shared as shared;

/// The known fields of a task's config.
pub(crate) static TASK: Kind = Kind::Fields(&[
    known("bind_mounts", Kind::Keyed(&shared::BIND_MOUNTS)),
    known("debug", Kind::Bool),
    known("description", Kind::Text),
    known("entrypoint", Kind::TextOrTexts),
    known("environment", Kind::Fields(shared::ENVIRONMENT)),
    known("idle_timeout", Kind::Text),
    known("notebook_idle_type", Kind::Text),
    known("pbs", Kind::Fields(shared::PBS)),
    known("resources", Kind::Fields(shared::RESOURCES)),
    known("slurm", Kind::Fields(shared::SLURM)),
    known("tensorboard_args", Kind::List(&Kind::Text)),
    known("work_dir", Kind::Text),
]);
