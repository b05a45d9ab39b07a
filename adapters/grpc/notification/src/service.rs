//! Each rpc of `NotificationService` is one use case.

use std::sync::Arc;

use grpc_server::{caller, refuse};
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

#[tonic::async_trait]
impl NotificationService for NotificationGrpc {
    async fn list_notifications(
        &self,
        request: Request<pb::ListNotificationsRequest>,
    ) -> Result<Response<pb::ListNotificationsResponse>, Status> {
        let (query, conditions) =
            convert::list_notifications(request.get_ref()).map_err(|e| refuse(&e))?;
        let page = self.notifying.list_notifications(&caller(&request), query).await;
        let page = page.map_err(|e| refuse(&e))?;
        Ok(Response::new(convert::notifications(page, &conditions)))
    }
}
