# card-stamps.sh: a network card stamps packets, as far as it can, and what it cannot is said.
#
# QEMU's igb stamps what it sends and, of what it receives, PTP alone. So a daemon that asks for stamps of eth0 has to
# say that they are not to be had both ways and use the kernel's; told to do without those of arrivals, it uses the
# card's for departures. Two cards are joined; the far one has a namespace and a second daemon of its own. Each card
# needs a port of its own on the bus.
#
# modules: drivers/dca/dca drivers/i2c/algos/i2c-algo-bit drivers/net/ethernet/intel/igb/igb
# devices: -device pcie-root-port,id=rp1,chassis=1,slot=1 -device pcie-root-port,id=rp2,chassis=2,slot=2 -device igb,bus=rp1,netdev=n1,romfile= -netdev hubport,hubid=0,id=n1 -device igb,bus=rp2,netdev=n2,romfile=,mac=52:54:00:12:34:99 -netdev hubport,hubid=0,id=n2
# qemu: 10
# needs: ntpd
# shellcheck shell=dash
. /scenarios/common.sh

ip netns add far
ip link set eth1 netns far
ip addr add 10.9.0.1/24 dev eth0
ip link set eth0 up
ip -n far addr add 10.9.0.2/24 dev eth1
ip -n far link set eth1 up
ip -n far link set lo up
sleep 4

cat > /etc/far.toml << 'TOML'
enabled = true
[server]
control = "none"
[server.local]
enabled = true
stratum = 3
[[security.access]]
network = "10.9.0.0/24"
permission = "allow"
TOML
ip netns exec far /bin/ntpd --config /etc/far.toml --socket /run/far.sock > /run/far.log 2>&1 &

# near FILTER-LINE: the daemon asks the far one each second for a while; leaves what it says in $said and $stamps
near() {
    cat > /etc/ntpd.toml << TOML
enabled = true
[[sources.servers]]
address = "10.9.0.2"
iburst = true
minpoll = 0
maxpoll = 2
[[sources.hwtimestamp]]
interface = "eth0"
$1
[server]
control = "none"
TOML
    start_daemon
    sleep 20
    daemon_lives || return 1
    said=$(ntpctl status)
    stamps=$(ntpctl sources --json | grep -A 3 '"stamps"' | tr -d '[:space:]"')
    stop_daemon TERM
    echo "$said"
    echo "$stamps"
}

near "" || { explain; return 1; }
case $stamps in *kernel,kernel*) ;; *) fail "the kernel's stamps are not used: $stamps"; return 1 ;; esac
case $said in *eth0*) ;; *) fail "nobody said that eth0 stamps one way only"; return 1 ;; esac

near 'rxfilter = "none"' || { explain; return 1; }
case $stamps in *hardware,kernel*) ;; *) fail "the card's stamps are not used: $stamps"; explain; return 1 ;; esac
