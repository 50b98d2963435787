"""A real anycast network in a box: what `deploy/quickstart` shows and the e2e tests run in.

Network namespaces for a CA side, a client side, a router, a controller and the nodes; real BIRD,
Pebble, Caddy and certbot. One module per part:

    layout      who is where: namespaces, addresses, paths (pure)
    toml        dict -> TOML text (pure)
    shell       run a command, or fail with its own words
    netns       namespaces, links, routes, the per-node doors for the client
    process     start, ready, stop; survives the program that started it
    state       what is remembered on disk, so that `down` needs no luck
    steps       one line per step, with its time
    bird        BGP configs and the control socket
    pki         a private CA: of Pebble's own endpoint, and for tests
    acme        Pebble and its DNS server
    edge        Caddy as the package ships it, with nothing but an admin socket
    lockstep    configs and processes of controller and agents, the CLI
    client      the independent client's side of a question (ask.py and visit.py run in the client's namespace)
    fleet       all of it together: what quickstart and the tests hold in their hands
    report      the closing table
    rootless    the same without root, in user namespaces
"""
