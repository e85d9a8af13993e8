# pps-faults.sh: what can go wrong with pulses, one after the other, while the receiver keeps telling the seconds.
#
# Whatever comes for some minutes, the clock must not follow it; and it must be right again when pulses are.
#
# modules: drivers/parport/parport drivers/parport/parport_pc,io=0x378,irq=7 drivers/pps/clients/pps_parport,clear_wait=0
# devices: -chardev null,id=lp -device isa-parallel,chardev=lp
# needs: ntpd
# shellcheck shell=dash
. /scenarios/common.sh

export TRUTH_BASE=2051222400 TRUTH_PPM=-20

# fault NAME SECONDS ARGUMENT...: the pulses as they are with these arguments, and good ones again
fault() {
    name=$1 seconds=$2
    shift 2
    stop_pulses
    pulses "$@"
    phase "$name" "$seconds" 5 || return 1
    stop_pulses
    pulses
    phase "after_$name" 60 5 || return 1
}

rigtool set --offset-s -0.3 || return 1
learn_lag || return 1
receiver --sentences gga,rmc
pulses
configure_gps_pps
start_daemon
lock || return 1
phase good 300 5 || return 1

# The stated bound is checked against the error with the generator's constant, which the daemon cannot know of.
stop_pulses
phase stopped 300 5 || return 1
bound_holds stopped || { explain; return 1; }
pulses
phase after_stopped 60 5 || return 1

fault doubled 120 --double-ms 20 || return 1
fault displaced 180 --shift-ms 100 || return 1
fault fast 180 --rate 5 || return 1
fault noisy 120 --missing 0.3 --noise 0.5 || return 1

# A clean slate after all of it.
phase recovered 60 5 || return 1
daemon_lives || { explain; return 1; }
say_state
