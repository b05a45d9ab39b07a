//! Every metric that is ours, in one table: its kind, name, labels and what it says. Durations are in seconds.
//! autometrics adds `function_calls` and `function_calls_duration` around rpcs, calls, consumers and steps.

use prometheus_client::registry::Registry;

use crate::kinds::Metric;
use crate::{Counter, Gauge, Histogram, Total};

/// The labels of a metric that has none.
pub const NONE: [&str; 0] = [];

macro_rules! metrics {
    ($($static:ident: $kind:ident<$labels:literal> = $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub static $static: $kind<$labels> = $kind::new($name, [$($label),*], $help);
        )*
        const ALL: &[&dyn Metric] = &[$(&$static),*];
    };
}

metrics! {
    // The doors. What is refused because one caller is past its own limit has the status RATE_LIMITED, over gRPC as over
    // REST: RESOURCE_EXHAUSTED and 429 are want of room.
    HTTP_REQUESTS: Counter<3> = "http_requests" ["method", "endpoint", "status"] "Requests answered over REST, by the route's template";
    HTTP_REQUEST_DURATION: Histogram<2> = "http_request_duration_seconds" ["method", "endpoint"] "Time to answer over REST";
    HTTP_REQUESTS_IN_FLIGHT: Gauge<0> = "http_requests_in_flight" [] "Requests over REST that are being answered, to the beginning of a stream";
    GRPC_REQUESTS: Counter<3> = "grpc_requests" ["service", "method", "status"] "Calls answered";
    GRPC_REQUEST_DURATION: Histogram<2> = "grpc_request_duration_seconds" ["service", "method"] "Time to answer a call, to the end of its stream";
    GRPC_CALLS_IN_FLIGHT: Gauge<0> = "grpc_calls_in_flight" [] "Calls that are running";
    WATCHERS: Gauge<0> = "watchers" [] "Streams that wait for news";
    WATCH_LOOKS: Counter<1> = "watch_looks" ["method"] "Reads of what is watched, one for all who watch it";
    GRPC_CLIENT_REQUESTS: Counter<3> = "grpc_client_requests" ["service", "method", "status"] "Calls made to other servers, each try";
    GRPC_CLIENT_REQUEST_DURATION: Histogram<2> = "grpc_client_request_duration_seconds" ["service", "method"] "Time until another server answered";
    // What it is all for. Counted when committed.
    BOOKINGS: Counter<1> = "bookings" ["outcome"] "Bookings by what became of them";
    HOLDS: Counter<1> = "holds" ["outcome"] "Holds of stock by what became of them";
    PAYMENTS: Counter<1> = "payments" ["outcome"] "Charges by what became of them";
    REFUNDS: Counter<1> = "refunds" ["outcome"] "Refunds by what became of them";
    // The processes.
    BOOKING_PROCESS_STEPS: Counter<2> = "booking_process_steps" ["step", "outcome"] "Steps that checkouts and cancellations asked of others";
    BOOKING_PROCESS_STEP_DURATION: Histogram<1> = "booking_process_step_duration_seconds" ["step"] "Time of a step";
    BOOKING_PROCESSES: Gauge<1> = "booking_processes" ["status"] "Bookings that are not at rest";
    BOOKING_PROCESS_OLDEST_AGE: Gauge<1> = "booking_process_oldest_age_seconds" ["status"] "How long the oldest of them has not moved";
    PAYMENTS_OPEN: Gauge<1> = "payments_open" ["status"] "Charges and refunds that are not at rest";
    PAYMENTS_OLDEST_AGE: Gauge<1> = "payments_oldest_age_seconds" ["status"] "How long ago the oldest of them was begun";
    REFUNDS_IN_MANUAL_REVIEW: Gauge<0> = "refunds_in_manual_review" [] "Refunds that only a person can finish";
    PAYMENT_BREAKER: Gauge<1> = "payment_breaker" ["state"] "Whether charges are kept from the provider: 1 at the state it is in";
    PAYMENT_CHARGES_NOT_SENT: Total<1> = "payment_charges_not_sent" ["reason"] "Charges that were not begun, because the provider does not answer or has too much to do";
    // Messages.
    MESSAGES_PUBLISHED: Counter<2> = "messages_published" ["subject", "status"] "Messages given to the bus";
    MESSAGES_PROCESSED: Counter<3> = "messages_processed" ["consumer", "subject", "status"] "Messages taken from the bus";
    MESSAGES_DUPLICATES: Counter<1> = "messages_duplicates" ["consumer"] "Messages that had been handled before";
    MESSAGE_LAG: Histogram<1> = "message_lag_seconds" ["consumer"] "Time from an event to the end of its handling";
    CONSUMER_PENDING: Gauge<1> = "consumer_pending" ["consumer"] "Messages that wait for this consumer";
    CONSUMER_UNACKNOWLEDGED: Gauge<1> = "consumer_unacknowledged" ["consumer"] "Messages that this consumer is handling or will get again";
    BUS_CONNECTED: Gauge<0> = "bus_connected" [] "Whether NATS is connected";
    // Databases.
    DB_CONNECTIONS: Gauge<3> = "db_connections" ["database", "pool", "state"] "Connections to the database";
    DB_CONNECTIONS_MAX: Gauge<2> = "db_connections_max" ["database", "pool"] "The most connections that the pool opens";
    DB_TRANSACTIONS: Counter<2> = "db_transactions" ["database", "outcome"] "Writing transactions by how they ended";
    DB_TRANSACTION_DURATION: Histogram<1> = "db_transaction_duration_seconds" ["database"] "Time of a writing transaction, from waiting for a connection to the commit";
    OUTBOX_UNPUBLISHED: Gauge<1> = "outbox_unpublished" ["database"] "Events that wait to be published";
    OUTBOX_OLDEST_AGE: Gauge<1> = "outbox_oldest_age_seconds" ["database"] "How long the oldest of them waits";
    OUTBOX_PARKED: Gauge<1> = "outbox_parked" ["database"] "Events that were set aside because the bus refuses them";
    DEAD_LETTERS: Gauge<1> = "dead_letters" ["database"] "Messages that a consumer has set aside";
    // TLS, where ports speak it.
    TLS_CERTIFICATE_EXPIRY: Gauge<0> = "tls_certificate_expiry_time_seconds" [] "Until when the certificate in use is valid, since 1970";
    TLS_FILES_TAKEN: Counter<0> = "tls_files_taken" [] "How often new files of TLS came into use";
    TLS_FILES_REFUSED: Gauge<0> = "tls_files_refused" [] "Whether the files of TLS that are there now cannot be used, so that older ones are";
    // What is told of it all.
    SPANS: Counter<1> = "spans" ["outcome"] "Spans that ended and are to be sent, were sent, were lost on the way; what is missing between waits, or did not fit into the queue";
    // The process itself.
    SERVICE_LIVE: Gauge<0> = "service_live" [] "Service liveness signal";
    SERVICE_READY: Gauge<0> = "service_ready" [] "Whether the service can do its work";
    SERVICE_WAS_READY: Gauge<0> = "service_was_ready" [] "Whether it could at any time since it began";
    PROCESS_CPU: Total<0> = "process_cpu_seconds" [] "Processor time used";
    PROCESS_MEMORY: Gauge<0> = "process_resident_memory_bytes" [] "Memory that is resident";
    PROCESS_FDS: Gauge<0> = "process_open_fds" [] "Open file descriptors";
    PROCESS_FDS_MAX: Gauge<0> = "process_max_fds" [] "The most file descriptors it may open";
    PROCESS_START: Gauge<0> = "process_start_time_seconds" [] "When the process began, since 1970";
    PROCESS_THREADS: Gauge<0> = "process_threads" [] "Threads";
    TOKIO_WORKERS: Gauge<0> = "tokio_workers" [] "Worker threads of the runtime";
    TOKIO_ALIVE_TASKS: Gauge<0> = "tokio_alive_tasks" [] "Tasks of the runtime that have not ended";
    TOKIO_QUEUE_DEPTH: Gauge<0> = "tokio_global_queue_depth" [] "Tasks that wait for a worker";
    TOKIO_BUSY: Total<0> = "tokio_worker_busy_seconds" [] "Time that the workers were busy";
}

pub(crate) fn register(registry: &mut Registry) {
    for metric in ALL {
        metric.register(registry);
    }
}
