//! The numbers of the process itself: read when somebody looks.

use procfs::process::{LimitValue, Process};
use telemetry_metrics::before_reading;
use telemetry_metrics::names::{
    NONE, PROCESS_CPU, PROCESS_FDS, PROCESS_FDS_MAX, PROCESS_MEMORY, PROCESS_START,
    PROCESS_THREADS, TOKIO_ALIVE_TASKS, TOKIO_BUSY, TOKIO_QUEUE_DEPTH, TOKIO_WORKERS,
};
use tokio::runtime::{Handle, RuntimeMetrics};

/// What `/live` answers (api.md, "Ports and configuration").
pub(crate) const LIVE: &str = "# HELP service_live Service liveness signal\n\
                               # TYPE service_live gauge\n\
                               service_live 1\n";

/// Has the numbers of this process and of its async runtime read from now on. MUST be called within the runtime.
pub(crate) fn read_process() {
    let runtime = Handle::current().metrics();
    before_reading(move || {
        // Where there is no /proc, what is in it is not told.
        let _ = read_system();
        read_runtime(&runtime);
        true
    });
}

#[expect(clippy::cast_precision_loss, reason = "numbers for a dashboard")]
fn read_system() -> procfs::ProcResult<()> {
    let process = Process::myself()?;
    let now = process.stat()?;
    let ticks = procfs::ticks_per_second() as f64;
    PROCESS_CPU.set(NONE, (now.utime + now.stime) as f64 / ticks);
    PROCESS_MEMORY.set(NONE, (now.rss * procfs::page_size()) as f64);
    PROCESS_THREADS.set(NONE, now.num_threads as f64);
    PROCESS_START.set(NONE, procfs::boot_time_secs()? as f64 + now.starttime as f64 / ticks);
    PROCESS_FDS.set(NONE, process.fd_count()? as f64);
    if let LimitValue::Value(most) = process.limits()?.max_open_files.soft_limit {
        PROCESS_FDS_MAX.set(NONE, most as f64);
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "numbers for a dashboard")]
fn read_runtime(runtime: &RuntimeMetrics) {
    let workers = runtime.num_workers();
    TOKIO_WORKERS.set(NONE, workers as f64);
    TOKIO_ALIVE_TASKS.set(NONE, runtime.num_alive_tasks() as f64);
    TOKIO_QUEUE_DEPTH.set(NONE, runtime.global_queue_depth() as f64);
    let busy = (0..workers).map(|worker| runtime.worker_total_busy_duration(worker).as_secs_f64());
    TOKIO_BUSY.set(NONE, busy.sum());
}
