//! Fields that the configs of every shipped workload type have.

use crate::schema::{Field, KeyForm, Keyed, Kind, Shorthand, known};

pub(crate) static ENVIRONMENT: &[Field] = &[
    known("add_capabilities", Kind::List(&Kind::Text)),
    known("drop_capabilities", Kind::List(&Kind::Text)),
    known("environment_variables", Kind::Variables),
    known("force_pull_image", Kind::Bool),
    known("image", Kind::Image),
    known("pod_spec", Kind::Any),
    known("ports", Kind::Any),
    known("proxy_ports", Kind::Keyed(&PROXY_PORTS)),
    known("registry_auth", Kind::Any),
];

pub(crate) static RESOURCES: &[Field] = &[
    known("agent_label", Kind::Text),
    known("devices", Kind::Keyed(&DEVICES)),
    known("is_single_node", Kind::Bool),
    known("max_slots", Kind::Integer),
    known("native_parallel", Kind::Bool),
    known("priority", Kind::Integer),
    known("resource_pool", Kind::Text),
    known("shm_size", Kind::ByteSize),
    known("slots", Kind::Integer),
    known("slots_per_trial", Kind::Integer),
    known("weight", Kind::Number),
];

pub(crate) static BIND_MOUNTS: Keyed = Keyed {
    key: "container_path",
    form: KeyForm::Path,
    fields: &[
        known("container_path", Kind::Text),
        known("host_path", Kind::Text),
        known("propagation", Kind::Text),
        known("read_only", Kind::Bool),
    ],
    shorthand: Some(Shorthand::Mount),
};

pub(crate) static DEVICES: Keyed = Keyed {
    key: "container_path",
    form: KeyForm::Path,
    fields: &[known("container_path", Kind::Text), known("host_path", Kind::Text), known("mode", Kind::Text)],
    shorthand: Some(Shorthand::Device),
};

pub(crate) static PROXY_PORTS: Keyed = Keyed {
    key: "proxy_port",
    form: KeyForm::Port,
    fields: &[known("proxy_port", Kind::Any), known("proxy_tcp", Kind::Bool), known("unauthenticated", Kind::Bool)],
    shorthand: None,
};

pub(crate) static SLURM: &[Field] = &[
    known("gpu_type", Kind::Text),
    known("sbatch_args", Kind::List(&Kind::Text)),
    known("slots_per_node", Kind::Integer),
];

pub(crate) static PBS: &[Field] =
    &[known("pbsbatch_args", Kind::List(&Kind::Text)), known("slots_per_node", Kind::Integer)];
