//! The method table: a method without a row does not start.

use reeve_chassis::config::ServerConfig;
use reeve_chassis::{Access, MethodTable, Row, Setup, StartError, TableError};

use crate::stand::{CREATE, DELETE, LIST, ROWS, services, setup, stand};

const ROBOTS: &str = "reeve.identity.v1.RobotService";

fn table(rows: &'static [Row], served: &[&str]) -> Vec<TableError> {
    MethodTable::new(&[rows], served, reeve_api::DESCRIPTOR_SET).err().unwrap_or_default()
}

#[test]
fn a_method_without_a_row_does_not_start() {
    let stand = stand();
    let setup = Setup { rows: vec![&ROWS[1..]], ..setup(&stand, ServerConfig::default()) };
    let Err(StartError::Table(errors)) = setup.build() else { panic!("it started") };
    assert_eq!(errors, [TableError::NoRow("/reeve.identity.v1.AccessService/GetServerInfo".to_owned())]);
}

#[test]
fn everything_wrong_is_said_at_once() {
    static ROWS: &[Row] = &[
        CREATE,
        CREATE,
        Row { access: Access::Filtered(" "), ..LIST },
        Row { method: "/reeve.identity.v1.UserService/CreateUser", access: Access::Public },
    ];
    let errors = table(ROWS, &[ROBOTS, "reeve.nothing.v1.Service"]);
    let expected = [
        TableError::Twice(CREATE.method),
        TableError::Unargued(LIST.method),
        TableError::UnknownService("reeve.nothing.v1.Service".to_owned()),
        TableError::LeftOver("/reeve.identity.v1.UserService/CreateUser"),
        TableError::NoRow(DELETE.method.to_owned()),
    ];
    assert_eq!(errors, expected);
}

#[test]
fn a_row_of_the_chassis_cannot_be_replaced() {
    static ROWS: &[Row] = &[CREATE, LIST, DELETE, Row { method: "/grpc.health.v1.Health/Check", access: Access::Own }];
    assert_eq!(table(ROWS, &[ROBOTS]), [TableError::LeftOver("/grpc.health.v1.Health/Check")]);
}

#[test]
fn health_and_reflection_are_public() {
    let table = setup(&stand(), ServerConfig::default()).build().unwrap();
    for path in [
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ] {
        assert_eq!(table.table().row(path).unwrap().access, Access::Public);
    }
    assert_eq!(table.table().rows().count(), ROWS.len() + 4);
}

#[test]
fn services_know_their_names() {
    let expected = [
        "reeve.admission.v1.AdmissionService",
        "reeve.feed.v1.FeedService",
        "reeve.identity.v1.AccessService",
        "reeve.identity.v1.RobotService",
        "reeve.identity.v1.TokenService",
    ];
    assert_eq!(services(&stand()).names(), expected);
}
