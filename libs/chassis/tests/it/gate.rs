//! The gate by itself: what no wiring mistake may open.

use reeve_chassis::{
    Access, Failure, On, Row, Unauthenticated, filtered, need, need_as, or_service, own, public, service,
};
use reeve_model::Resource;
use reeve_rbac::Permission;
use tonic::Extensions;

use crate::stand::{ADMIT, CREATE, INFO, LIST, TOKEN, caller, stand};

static SERVICE: Row = Row { method: "/s", access: Access::Service };
static FEED: Row = Row { method: "/f", access: Access::NeedOrService(Permission::FEED_FOLLOW, On::Cluster) };

fn extensions() -> Extensions {
    let mut extensions = Extensions::new();
    extensions.insert(caller("admin"));
    extensions
}

#[test]
fn a_check_that_the_row_does_not_name_lets_nobody_in() {
    let (stand, cluster) = (stand(), Resource::cluster());
    let extensions = extensions();
    for row in [&INFO, &CREATE, &LIST, &TOKEN, &SERVICE, &FEED] {
        let outcomes = [
            (matches!(row.access, Access::NeedOrService(..)), or_service(&extensions, row).err()),
            (matches!(row.access, Access::Public), public(row).err()),
            (matches!(row.access, Access::Own), own(&extensions, row).err()),
            (matches!(row.access, Access::Filtered(_)), filtered(&extensions, row).err()),
            (
                matches!(row.access, Access::Need(..) | Access::NeedOrService(..)),
                need(&extensions, row, &stand, &cluster).err(),
            ),
        ];
        for (is_right, failure) in outcomes {
            assert_eq!(is_right, failure.is_none(), "{row:?}");
            assert!(failure.is_none_or(|failure| matches!(failure, Failure::Internal(_))), "{row:?}");
        }
    }
}

#[test]
fn a_caller_is_no_service() {
    let failure = service(&extensions(), &SERVICE).unwrap_err();
    assert!(matches!(failure, Failure::Unauthenticated(Unauthenticated::ServiceTokenNeeded)));
    assert!(or_service(&extensions(), &FEED).unwrap().is_none());
    for row in [&INFO, &CREATE, &LIST, &TOKEN, &FEED] {
        assert!(matches!(service(&extensions(), row), Err(Failure::Internal(_))), "{row:?}");
    }
}

#[test]
fn a_cluster_permission_is_not_asked_of_a_workspace() {
    let workspace = Resource::parse("workspaces/vision").unwrap();
    let failure = need(&extensions(), &CREATE, &stand(), &workspace).unwrap_err();
    assert!(matches!(failure, Failure::Internal(_)));
}

#[test]
fn without_a_caller_nobody_is_let_in() {
    let (stand, nobody) = (stand(), Extensions::new());
    let failures = [
        own(&nobody, &TOKEN).unwrap_err(),
        filtered(&nobody, &LIST).unwrap_err(),
        need(&nobody, &CREATE, &stand, &Resource::cluster()).unwrap_err(),
    ];
    for failure in failures {
        assert!(matches!(failure, Failure::Unauthenticated(Unauthenticated::TokenMissing)), "{failure:?}");
    }
}

#[test]
fn a_grant_says_who_what_and_where() {
    let workspace = Resource::parse("workspaces/vision").unwrap();
    let granted = need_as(caller("alice"), &ADMIT, &stand(), &workspace).unwrap();
    assert_eq!(granted.caller().name, "user:alice");
    assert_eq!(granted.method(), ADMIT.method);
    assert_eq!(granted.need(), Some((Permission::WORKLOAD_SUBMIT, &workspace)));
}

#[test]
fn below_a_workspace_nothing_more_is_told() {
    static ROW: Row = Row { method: "/m", access: Access::Need(Permission::PROJECT_VIEW, On::Request) };
    let hidden = Resource::parse("workspaces/secret/projects/p").unwrap();
    assert!(matches!(need_as(caller("alice"), &ROW, &stand(), &hidden), Err(Failure::NotFound { .. })));
    let cluster = Resource::cluster();
    assert!(matches!(need_as(caller("alice"), &ROW, &stand(), &cluster), Err(Failure::Denied { .. })));
}
