//! The table that says for each method who may call it; a method without a row does not start.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use prost::Message as _;
use prost_types::FileDescriptorSet;
use reeve_rbac::Permission;

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone, without a token; one that is sent is ignored.
    Public,
    /// Every authenticated caller, about themselves alone.
    Own,
    /// Who holds the permission there.
    Need(Permission, On),
    /// Every authenticated caller; the answer shows what that caller may see, and no more. The text says by what.
    Filtered(&'static str),
    /// The services of the cluster, by a service token, and nobody else.
    Service,
    /// Who holds the permission there, and the services of the cluster.
    NeedOrService(Permission, On),
}

/// Where a permission is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// On the cluster.
    Cluster,
    /// On the resource that the request names.
    Request,
}

/// One method and who may call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The full path: `/reeve.identity.v1.UserService/CreateUser`.
    pub method: &'static str,
    /// Who may call it.
    pub access: Access,
}

/// What every server answers, whoever asks.
const OWN_ROWS: &[Row] = &[
    Row { method: "/grpc.health.v1.Health/Check", access: Access::Public },
    Row { method: "/grpc.health.v1.Health/Watch", access: Access::Public },
    Row { method: "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", access: Access::Public },
    Row { method: "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", access: Access::Public },
];

/// What is wrong with a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A mounted method that nobody said who may call.
    #[error("`{0}` is served but has no row: say who may call it")]
    NoRow(String),
    /// Two rows for one method.
    #[error("`{0}` has more than one row")]
    Twice(&'static str),
    /// A row for a method that is not mounted.
    #[error("`{0}` has a row but is not served")]
    LeftOver(&'static str),
    /// A mounted service that the descriptors do not know.
    #[error("the service `{0}` is served but is not in the contract")]
    UnknownService(String),
    /// A filtered method that does not say what filters it.
    #[error("`{0}` is filtered: say by what")]
    Unargued(&'static str),
    /// Descriptors that are none.
    #[error("the descriptor set cannot be read")]
    Descriptors,
}

/// Who may call each method of one server.
#[derive(Clone, Debug)]
pub struct MethodTable {
    rows: HashMap<&'static str, Row>,
}

impl MethodTable {
    /// The table of a server on which the services named `served` are mounted, by the contract in `descriptors` (an
    /// encoded `google.protobuf.FileDescriptorSet`). Health and reflection have their rows here.
    ///
    /// # Errors
    /// Everything wrong with it: a method of a mounted service without exactly one row, a row that is left over.
    pub fn new(rows: &[&'static [Row]], served: &[&str], descriptors: &[u8]) -> Result<Self, Vec<TableError>> {
        let mut errors = Vec::new();
        let mut by_method = HashMap::new();
        for row in rows.iter().copied().flatten() {
            if by_method.insert(row.method, *row).is_some() {
                errors.push(TableError::Twice(row.method));
            }
            if matches!(row.access, Access::Filtered(why) if why.trim().is_empty()) {
                errors.push(TableError::Unargued(row.method));
            }
        }
        let contract = contract(descriptors).map_err(|error| vec![error])?;
        let mut mounted = BTreeSet::new();
        for service in served {
            match contract.get(*service) {
                Some(methods) => mounted.extend(methods.iter().map(|method| format!("/{service}/{method}"))),
                None => errors.push(TableError::UnknownService((*service).to_owned())),
            }
        }
        errors.extend(by_method.keys().filter(|method| !mounted.contains(**method)).map(|m| TableError::LeftOver(m)));
        let unsaid = mounted.into_iter().filter(|method| !by_method.contains_key(method.as_str()));
        errors.extend(unsaid.map(TableError::NoRow));
        by_method.extend(OWN_ROWS.iter().map(|row| (row.method, *row)));
        if errors.is_empty() { Ok(Self { rows: by_method }) } else { Err(errors) }
    }

    /// Who may call the method at `path`; none where nobody serves it.
    pub fn row(&self, path: &str) -> Option<&Row> {
        self.rows.get(path)
    }

    /// Every row, in no particular order.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }
}

/// The names of every service in the descriptors.
pub(crate) fn services_of(descriptors: &[u8]) -> Result<Vec<String>, TableError> {
    Ok(contract(descriptors)?.into_keys().collect())
}

/// The methods of every service in the descriptors.
fn contract(descriptors: &[u8]) -> Result<BTreeMap<String, Vec<String>>, TableError> {
    let set = FileDescriptorSet::decode(descriptors).map_err(|_| TableError::Descriptors)?;
    let mut services = BTreeMap::new();
    for file in set.file {
        for service in &file.service {
            let methods = service.method.iter().map(|method| method.name().to_owned()).collect();
            services.insert(format!("{}.{}", file.package(), service.name()), methods);
        }
    }
    Ok(services)
}
