//! A process whose functions are measured before its metrics begin, as in tests that start no server.

use autometrics::autometrics;
use telemetry_metrics::names::{BOOKING_PROCESSES, BUS_CONNECTED, NONE, PROCESS_CPU};
use telemetry_metrics::{Format, events, render, start};

#[autometrics]
fn early() {}

#[test]
fn m01_the_numbers_are_there_whatever_was_measured_before() {
    early();
    start("late");
    BUS_CONNECTED.set(NONE, 1.0);
    let text = render(Format::Prometheus);
    assert!(text.contains("# TYPE bus_connected gauge\nbus_connected 1.0\n"), "{text}");
}

#[test]
fn m01_a_total_of_the_system_is_a_counter_in_both_formats() {
    PROCESS_CPU.set(NONE, 1.5);
    let older = render(Format::Prometheus);
    let lines = "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.5\n";
    assert!(older.contains(lines), "{older}");
    let open = render(Format::OpenMetrics);
    assert!(open.contains("# TYPE process_cpu_seconds counter\n"), "{open}");
    assert!(open.ends_with("# EOF\n") && open.matches("# EOF").count() == 1, "{open}");
}

#[test]
fn m02_what_a_context_counts_begins_at_zero() {
    events::begin("booking");
    let text = render(Format::Prometheus);
    for line in [
        "bookings_total{outcome=\"rejected\"} 0\n",
        "booking_process_steps_total{step=\"charge\",outcome=\"unanswered\"} 0\n",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains("payments_total{"), "another context's: {text}");
}

#[test]
fn m03_a_number_that_nobody_knows_is_not_told() {
    BOOKING_PROCESSES.tell(["forgotten"], Some(3.0));
    assert!(render(Format::Prometheus).contains("booking_processes{status=\"forgotten\"} 3.0\n"));
    BOOKING_PROCESSES.tell(["forgotten"], None);
    assert!(!render(Format::Prometheus).contains("forgotten"));
}
