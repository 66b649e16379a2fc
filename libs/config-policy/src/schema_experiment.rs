//! The merge schema of experiments.

use crate::schema::{Field, KeyForm, Keyed, Kind, Union, known};
use crate::schema_shared as shared;

/// The known fields of an experiment's config.
pub(crate) static EXPERIMENT: Kind = Kind::Fields(&[
    known("bind_mounts", Kind::Keyed(&shared::BIND_MOUNTS)),
    known("checkpoint_policy", Kind::Text),
    known("checkpoint_storage", Kind::Union(&CHECKPOINT_STORAGE)),
    known("data", Kind::Any),
    known("data_layer", Kind::Any),
    known("debug", Kind::Bool),
    known("description", Kind::Text),
    known("entrypoint", Kind::TextOrTexts),
    known("environment", Kind::Fields(shared::ENVIRONMENT)),
    known("hyperparameters", Kind::Hyperparameters),
    known("integrations", Kind::Any),
    known("internal", Kind::Any),
    known("labels", Kind::Labels),
    known("log_policies", Kind::Keyed(&LOG_POLICIES)),
    known("max_restarts", Kind::Integer),
    known("min_checkpoint_period", Kind::Length),
    known("min_validation_period", Kind::Length),
    known("name", Kind::Text),
    known("optimizations", Kind::Any),
    known("pbs", Kind::Fields(shared::PBS)),
    known("perform_initial_validation", Kind::Bool),
    known("preemption_timeout", Kind::Integer),
    known(
        "profiling",
        Kind::Fields(&[
            known("begin_on_batch", Kind::Integer),
            known("enabled", Kind::Bool),
            known("end_after_batch", Kind::Integer),
            known("sync_timings", Kind::Bool),
        ]),
    ),
    known("project", Kind::Text),
    known("records_per_epoch", Kind::Integer),
    known("reproducibility", Kind::Fields(&[known("experiment_seed", Kind::Integer)])),
    known("resources", Kind::Fields(shared::RESOURCES)),
    known("retention_policy", Kind::Fields(&[known("log_retention_days", Kind::Integer)])),
    known("scheduling_unit", Kind::Integer),
    known("searcher", Kind::Union(&SEARCHER)),
    known("security", Kind::Any),
    known("slurm", Kind::Fields(shared::SLURM)),
    known("tensorboard_storage", Kind::Union(&TENSORBOARD_STORAGE)),
    known("workspace", Kind::Text),
]);

static LOG_POLICIES: Keyed = Keyed {
    key: "name",
    form: KeyForm::Text,
    fields: &[known("action", Kind::Any), known("name", Kind::Text), known("pattern", Kind::Text)],
    shorthand: None,
};

static CHECKPOINT_STORAGE: Union = Union {
    tag: "type",
    common: &[
        known("save_experiment_best", Kind::Integer),
        known("save_trial_best", Kind::Integer),
        known("save_trial_latest", Kind::Integer),
    ],
    kinds: STORAGE_KINDS,
};

static TENSORBOARD_STORAGE: Union = Union { tag: "type", common: &[], kinds: STORAGE_KINDS };

static STORAGE_KINDS: &[(&str, &[Field])] = &[
    (
        "azure",
        &[
            known("account_url", Kind::Text),
            known("connection_string", Kind::Text),
            known("container", Kind::Text),
            known("credential", Kind::Text),
        ],
    ),
    ("directory", &[known("container_path", Kind::Text)]),
    ("gcs", &[known("bucket", Kind::Text), known("prefix", Kind::Text)]),
    (
        "s3",
        &[
            known("access_key", Kind::Text),
            known("bucket", Kind::Text),
            known("endpoint_url", Kind::Text),
            known("prefix", Kind::Text),
            known("secret_key", Kind::Text),
        ],
    ),
    (
        "shared_fs",
        &[
            known("checkpoint_path", Kind::Text),
            known("container_path", Kind::Text),
            known("host_path", Kind::Text),
            known("propagation", Kind::Text),
            known("storage_path", Kind::Text),
            known("tensorboard_path", Kind::Text),
        ],
    ),
];

static SEARCHER: Union = Union {
    tag: "name",
    common: &[
        known("metric", Kind::Text),
        known("smaller_is_better", Kind::Bool),
        known("source_checkpoint_uuid", Kind::Text),
        known("source_trial_id", Kind::Integer),
    ],
    kinds: &[
        (
            "adaptive_asha",
            &[
                known("bracket_rungs", Kind::List(&Kind::Integer)),
                known("divisor", Kind::Number),
                known("max_concurrent_trials", Kind::Integer),
                known("max_length", Kind::Length),
                known("max_rungs", Kind::Integer),
                known("max_time", Kind::Integer),
                known("max_trials", Kind::Integer),
                known("mode", Kind::Text),
                known("stop_once", Kind::Bool),
                known("time_metric", Kind::Text),
            ],
        ),
        (
            "async_halving",
            &[
                known("divisor", Kind::Number),
                known("max_concurrent_trials", Kind::Integer),
                known("max_length", Kind::Length),
                known("max_time", Kind::Integer),
                known("max_trials", Kind::Integer),
                known("num_rungs", Kind::Integer),
                known("stop_once", Kind::Bool),
                known("time_metric", Kind::Text),
            ],
        ),
        ("custom", &[known("unit", Kind::Text)]),
        ("grid", &[known("max_concurrent_trials", Kind::Integer), known("max_length", Kind::Length)]),
        (
            "random",
            &[
                known("max_concurrent_trials", Kind::Integer),
                known("max_length", Kind::Length),
                known("max_trials", Kind::Integer),
            ],
        ),
        ("single", &[known("max_length", Kind::Length)]),
    ],
};
