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

export TRUTH_BASE=1767225600 TRUTH_PPM=20

learn_lag || return 1
rigtool set --offset-s -0.3 || return 1
if reference; then rigtool shm 0 & else receiver; fi
pulses
cat > /etc/ntpd.toml <<'TOML'
enabled = true

[sources.hardware.gps]
enabled = true
device = "/dev/ttyGPS0"

[sources.hardware.pps]
enabled = true
device = "/dev/pps0"

[server]
driftfile = "/run/drift"

[server.makestep]
threshold = 0.1
limit = 3
TOML
cat > /etc/chrony.conf <<'CHRONY'
refclock SHM 0 refid NMEA delay 0.2 noselect
refclock PPS /dev/pps0 refid PPS lock NMEA
driftfile /run/drift
makestep 0.1 3
user root
pidfile /run/chronyd.pid
bindcmdaddress /
cmdport 0
CHRONY
start_daemon

# chronyd takes sixteen seconds for its first sample and is not held to the limit.
patience=30
if reference; then patience=300; fi
locked=$(rigtool until --constant-us "$lag" --below-us 5 --within $patience) || { explain; return 1; }
figure locked_after "$(value seconds "$locked")" s

run=$(rigtool judge --seconds 900 --constant-us "$lag" --rms-below 1 --max-below 5) || verdict=1
echo "$run"
for name in rms p95 max mean; do figure "quarter_$name" "$(value "${name}_us" "$run")" us; done
[ -z "${verdict:-}" ] || { explain; return 1; }
daemon_lives || { explain; return 1; }

# How often an idle daemon wakes up: its context switches, given up and taken.
switches() {
    awk '/ctxt_switches/ { sum += $2 } END { print sum }' "/proc/$daemon/status"
}
before=$(switches)
sleep 60
figure switches_per_minute $(($(switches) - before)) ""
say_state
