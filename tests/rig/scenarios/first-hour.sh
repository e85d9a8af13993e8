# first-hour.sh: a clock 200 ms and 60 ppm off, a server 100 us away, and what an hour can bring.
#
# modules: drivers/net/veth net/sched/sch_netem
# needs: ntpd
# shellcheck shell=dash
. /scenarios/common.sh

export TRUTH_BASE=1767225600 TRUTH_PPM=60

network || return 1
rigtool set --offset-s -0.2 || return 1
true_server || return 1
configure
start_daemon

# (a) Within a minute the time is right to a millisecond.
found=$(rigtool until --below-us 1000 --within 60) || { explain; return 1; }
figure below_1ms_after "$(value seconds "$found")" s

# (b) Over the next hour it stays right.
hour=$(rigtool judge --seconds 3600 --rms-below 20) || verdict=1
echo "$hour"
for name in rms p95 max mean; do figure "hour_$name" "$(value "${name}_us" "$hour")" us; done
[ -z "${verdict:-}" ] || { explain; return 1; }
daemon_lives || { explain; return 1; }
say_state

# (c) Another program steps the clock by 5 s; the daemon sets it right.
rigtool step --by-s 5 || return 1
if reference; then restart_daemon TERM; fi # chronyd does not notice by itself
repaired=$(rigtool until --below-us 1000 --within 300) || { explain; return 1; }
figure step_repaired_after "$(value seconds "$repaired")" s
# The frequency is compared next, and is to be the one of a calm clock.
rigtool judge --seconds 600 --from 300 || return 1

# (d) The daemon is killed and started again: the frequency must stay right.
before=$(kernel_frequency)
figure frequency_before_kill "$before" ppm
restart_daemon KILL
sleep 3
figure frequency_after_restart "$(kernel_frequency)" ppm
rigtool freq --near "$before" --within 0.5 || { explain; return 1; }

# (e) The same as after a reboot, where the kernel has forgotten it: the drift file must know.
stop_daemon KILL
rigtool freq --set 0 > /dev/null || return 1
start_daemon
sleep 3
figure frequency_after_reboot "$(kernel_frequency)" ppm
rigtool freq --near "$before" --within 0.5 || { explain; return 1; }

# And the time with it.
rigtool judge --seconds 120 --max-below 1000 || { explain; return 1; }
