# self-check.sh: the rig judges itself, without any daemon.
#
# The clock is 200 ms behind and 60 ppm slow and nobody corrects it: the judge must see just that. The path must be
# as long as it is said to be, and as long in one direction as in the other.
#
# modules: drivers/net/veth net/sched/sch_netem
# shellcheck shell=dash
. /scenarios/common.sh

export TRUTH_BASE=1767225600 TRUTH_PPM=60

# between VALUE LOW HIGH
between() {
    awk -v value="$1" -v low="$2" -v high="$3" 'BEGIN { exit !(value >= low && value <= high) }'
}

network || return 1
rigtool set --offset-s -0.2 || return 1
true_server || return 1
between "$(value out_us "$path")" 95 105 || fail "path out" || return 1
between "$(value back_us "$path")" 95 105 || fail "path back" || return 1
between "$(value offset_us "$path")" -1 1 || fail "path is lopsided" || return 1

drift=$(rigtool judge --seconds 60) || return 1
echo "$drift"
figure free_drift "$(value drift_ppm "$drift")" ppm
between "$(value drift_ppm "$drift")" -60.01 -59.99 || fail "free drift" || return 1
figure free_offset "$(value mean_us "$drift")" us
between "$(value mean_us "$drift")" -204000 -199000 || fail "free offset" || return 1

# Limits must be able to fail.
if rigtool judge --seconds 2 --rms-below 1000; then fail "judge is too kind" || return 1; fi
if rigtool until --below-us 1000 --within 2; then fail "until is too kind" || return 1; fi
if rigtool freq --near 60; then fail "freq is too kind" || return 1; fi

# With the rate that a daemon would have to find, the clock keeps up, and steps are seen as large as they are.
rigtool set --offset-s 0 || return 1
rigtool freq --set 60 --near 60 --within 0.001 || return 1
steered=$(rigtool judge --seconds 60 --max-below 100) || return 1
echo "$steered"
figure steered_drift "$(value drift_ppm "$steered")" ppm
between "$(value drift_ppm "$steered")" -0.01 0.01 || fail "drift at the right rate" || return 1
rigtool step --by-s -5 || return 1
stepped=$(rigtool judge --seconds 1) || return 1
between "$(value mean_us "$stepped")" -5000100 -4999900 || fail "step" || return 1
rigtool status
