//! A panic while answering is a fault of ours like any other: logged, and answered.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;

use super::{Inner, Step};
use crate::error::Failure;

/// Answers for a handler that panicked.
pub(crate) struct CatchPanics;

impl Step for CatchPanics {
    async fn around(&self, request: Request<Body>, inner: impl Inner) -> Response<Body> {
        // What the handler left half-done behind a shared lock is poisoned or guarded there; nothing is reused here.
        match AssertUnwindSafe(inner.answer(request)).catch_unwind().await {
            Ok(response) => response,
            Err(panic) => Status::from(Failure::internal(format!("panic: {}", text_of(&*panic)))).into_http(),
        }
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a text")
}
