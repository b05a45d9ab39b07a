//! Each rpc of `NotificationService` is one use case.

use std::sync::Arc;

use autometrics::autometrics;
use grpc_server::objectives::served;
use grpc_server::{caller_of, refuse};
use notification::Notifying;
use proto::boxoffice::notification::v1 as pb;
use proto::boxoffice::notification::v1::notification_service_server::NotificationService;
use tonic::{Request, Response, Status};

use crate::convert;

/// `NotificationService` over this context's use cases.
pub struct NotificationGrpc {
    /// The use cases.
    pub notifying: Arc<Notifying>,
}

#[autometrics(ok_if = served)]
#[tonic::async_trait]
impl NotificationService for NotificationGrpc {
    async fn list_notifications(
        &self,
        request: Request<pb::ListNotificationsRequest>,
    ) -> Result<Response<pb::ListNotificationsResponse>, Status> {
        let (query, conditions) =
            convert::list_notifications(request.get_ref()).map_err(|e| refuse(&e))?;
        let page = self.notifying.list_notifications(&caller_of(&request), query).await;
        let page = page.map_err(|e| refuse(&e))?;
        Ok(Response::new(convert::notifications(page, &conditions)))
    }
}
