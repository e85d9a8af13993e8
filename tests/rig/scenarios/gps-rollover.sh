# gps-rollover.sh: a receiver that is older than the latest rollover of the GPS week says dates of 1024 weeks ago.
#
# No pulses and nobody else: the daemon has to know what year it is. The clock stands at a boot's date.
#
# needs: ntpd
# shellcheck shell=dash
. /scenarios/common.sh

export TRUTH_BASE=2051222400 TRUTH_PPM=-20

if reference; then echo "chronyd reads no NMEA"; return 0; fi
rigtool set --offset-s -283996800 || return 1
rigtool nmea /dev/ttyGPS0 --weeks-back 1024 &
cat > /etc/ntpd.toml <<'TOML'
enabled = true

[sources.hardware.gps]
enabled = true
device = "/dev/ttyGPS0"

[server]
driftfile = "/run/drift"

[server.makestep]
threshold = 1.0
limit = 3
TOML
start_daemon

# The burst begins 100 ms after the second, which nobody told the daemon.
found=$(rigtool until --below-us 150000 --within 60) || { explain; return 1; }
figure date_found_after "$(value seconds "$found")" s
date -u
watched=$(rigtool judge --seconds 120 --max-below 150000) || { explain; return 1; }
figure serial_max "$(value max_us "$watched")" us
daemon_lives || { explain; return 1; }
say_state
