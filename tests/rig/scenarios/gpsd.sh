# gpsd.sh: gpsd reads the receiver and the pulses, and hands on what it makes of them: by shared memory the seconds, by
# a socket the pulses.
#
# gpsd gives no time from a pty, so it gets the receiver's sentences over TCP.
#
# modules: drivers/parport/parport drivers/parport/parport_pc,io=0x378,irq=7 drivers/pps/clients/pps_parport,clear_wait=0
# devices: -chardev null,id=lp -device isa-parallel,chardev=lp
# needs: ntpd gpsd
# shellcheck shell=dash
. /scenarios/common.sh

export TRUTH_BASE=2051222400 TRUTH_PPM=-20

# start_gpsd: sets $gpsd. It sends to sockets that are there when it starts.
start_gpsd() {
    gpsd -N -n -D 2 tcp://127.0.0.1:4001 /dev/pps0 >> /run/gpsd.log 2>&1 &
    gpsd=$!
}

rigtool set --offset-s -0.3 || return 1
learn_lag || return 1
rigtool nmea /dev/ttyGPS0 &
pulses
sleep 1
nc -ll -p 4001 -e cat /dev/ttyGPS0 &
cat > /etc/ntpd.toml <<'TOML'
enabled = true

[[sources.refclocks]]
driver = "shm"
unit = 0
refid = "GPS"
noselect = true

[[sources.refclocks]]
driver = "sock"
device = "/run/chrony.pps0.sock"
refid = "PPS"
TOML
cat > /etc/chrony.conf <<'CHRONY'
refclock SHM 0 refid GPS noselect
refclock SOCK /run/chrony.pps0.sock refid PPS
CHRONY
configure_rest 0.1
start_daemon
sleep 2
start_gpsd
locked=$(rigtool until --constant-us "$lag" --below-us 5 --within 300) || { cat /run/gpsd.log; explain; return 1; }
figure locked_after "$(value seconds "$locked")" s
phase by_socket 120 10 || { cat /run/gpsd.log; return 1; }

# samples_come: from both; of the reference only the clock's error is known
samples_come() {
    if reference; then return 0; fi
    sleep 20
    gps=$(source_says GPS samples) pps=$(source_says PPS samples)
    sleep 40
    gps=$(($(source_says GPS samples) - gps)) pps=$(($(source_says PPS samples) - pps))
    figure "samples_$1" "$gps,$pps" "in 40 s"
    [ "$gps" -gt 0 ] && [ "$pps" -gt 0 ] || fail "no samples from both"
}

samples_come first || { cat /run/gpsd.log; explain; return 1; }
kill "$gpsd"
wait "$gpsd"
start_gpsd
samples_come after_gpsd || { cat /run/gpsd.log; explain; return 1; }
# gpsd knows a socket from its own start only, so after the daemon it is its turn.
restart_daemon TERM
sleep 2
kill "$gpsd"
wait "$gpsd"
start_gpsd
samples_come after_both || { cat /run/gpsd.log; explain; return 1; }
phase after_restarts 60 10 || return 1
daemon_lives || { explain; return 1; }
say_state
