# gps-pps.sh: a receiver on a serial line tells the second, and pulses tell when it begins.
#
# The clock is 300 ms and 20 ppm off. It has to be right within half a minute, and to a microsecond for the quarter of an
# hour after that. chronyd reads no NMEA: shared memory numbers its pulses.
#
# modules: drivers/parport/parport drivers/parport/parport_pc,io=0x378,irq=7 drivers/pps/clients/pps_parport,clear_wait=0
# devices: -chardev null,id=lp -device isa-parallel,chardev=lp
# needs: ntpd
# shellcheck shell=dash
. /scenarios/common.sh

export TRUTH_BASE=2051222400 TRUTH_PPM=-20

rigtool set --offset-s -0.3 || return 1
learn_lag || return 1
receiver
pulses --seconds 1000
configure_gps_pps
start_daemon
lock || return 1

run=$(rigtool judge --seconds 900 --constant-us "$lag" --rms-below 1 --max-below 5) || verdict=1
echo "$run"
for name in rms p95 max mean; do figure "quarter_$name" "$(value "${name}_us" "$run")" us; done
[ -z "${verdict:-}" ] || { explain; return 1; }
daemon_lives || { explain; return 1; }

# What the daemon shows of the pulses is as small as what is true.
if ! reference; then
    shown=$(source_says PPS last_offset_s | awk '{ printf "%.3f", $1 * 1e6 }')
    figure pulses_shown_as "$shown" us
    below "$shown" 5 || fail "the pulses are shown to be off by $shown us" || { explain; return 1; }
fi

# How often an idle daemon wakes up: its context switches, given up and taken.
switches() {
    cat "/proc/$daemon"/task/*/status | awk '/ctxt_switches/ { sum += $2 } END { print sum }'
}
before=$(switches)
sleep 60
figure switches_per_minute $(($(switches) - before)) ""
wait "$generator"
say_state
