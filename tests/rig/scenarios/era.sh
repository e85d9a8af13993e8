# era.sh: NTP's 32 bits of seconds run over, on 2036-02-07 at 06:28:16 UTC, five minutes into the run.
#
# modules: drivers/net/veth net/sched/sch_netem
# needs: ntpd
# shellcheck shell=dash
. /scenarios/common.sh

export TRUTH_BASE=2085978196 TRUTH_PPM=60

network || return 1
rigtool set --offset-s -0.2 || return 1
true_server || return 1
configure
start_daemon

# Fifteen minutes, the first for finding the time.
run=$(rigtool judge --seconds 900 --from 60 --max-below 1000) || verdict=1
echo "$run"
for name in rms p95 max mean; do figure "era_$name" "$(value "${name}_us" "$run")" us; done
[ -z "${verdict:-}" ] || { explain; return 1; }
daemon_lives || { explain; return 1; }
say_state
date -u
# Not by chance on the near side.
[ "$(date +%s)" -gt 2085978496 ] || fail "the era did not end"
