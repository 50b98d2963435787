# bash completion of lockstep, made by `lockstep completion bash`
_lockstep() {
  local word before='' typed='' choices='' current="${COMP_WORDS[COMP_CWORD]}"
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$before" in
      -o|--output|--socket) ;;
      *) case "$word" in -*) ;; *) typed="$typed $word" ;; esac ;;
    esac
    before="$word"
  done
  case "$before" in
    -o|--output) COMPREPLY=($(compgen -W 'table json' -- "$current")); return ;;
    -f|--file|--socket) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "$typed" in
    ' status'*) choices='-h --help --watch --socket -o --output' ;;
    ' events'*) choices='-h --help -n --count --about --follow --socket -o --output' ;;
    ' version'*) choices='-h --help --socket -o --output' ;;
    ' node list'*) choices='-h --help --watch --socket -o --output' ;;
    ' node show'*) choices='-h --help --watch --socket -o --output' ;;
    ' node ban'*) choices='-h --help --reason --socket -o --output' ;;
    ' node unban'*) choices='-h --help --socket -o --output' ;;
    ' node remove'*) choices='-h --help --socket -o --output' ;;
    ' node gone'*) choices='-h --help --answers-nobody --socket -o --output' ;;
    ' node'*) choices='list show ban unban remove gone -h --help --socket -o --output' ;;
    ' token create'*) choices='-h --help --node --pop --minutes --socket -o --output' ;;
    ' token list'*) choices='-h --help --socket -o --output' ;;
    ' token revoke'*) choices='-h --help --socket -o --output' ;;
    ' token'*) choices='create list revoke -h --help --socket -o --output' ;;
    ' site apply'*) choices='-h --help -f --file --replace-all --allow-shrink --wait --timeout --socket -o --output' ;;
    ' site diff'*) choices='-h --help -f --file --replace-all --allow-shrink --socket -o --output' ;;
    ' site list'*) choices='-h --help --socket -o --output' ;;
    ' site show'*) choices='-h --help --source --socket -o --output' ;;
    ' site dns'*) choices='-h --help --socket -o --output' ;;
    ' site delete'*) choices='-h --help --allow-shrink --socket -o --output' ;;
    ' site'*) choices='apply diff list show dns delete -h --help --socket -o --output' ;;
    ' policy apply'*) choices='-h --help -f --file --wait --force --timeout --socket -o --output' ;;
    ' policy show'*) choices='-h --help --socket -o --output' ;;
    ' policy explain'*) choices='-h --help --socket -o --output' ;;
    ' policy'*) choices='apply show explain -h --help --socket -o --output' ;;
    ' quic-keys show'*) choices='-h --help --socket -o --output' ;;
    ' quic-keys rotate'*) choices='-h --help --socket -o --output' ;;
    ' quic-keys'*) choices='show rotate -h --help --socket -o --output' ;;
    ' alt-svc show'*) choices='-h --help --socket -o --output' ;;
    ' alt-svc off'*) choices='-h --help --all --socket -o --output' ;;
    ' alt-svc on'*) choices='-h --help --all --socket -o --output' ;;
    ' alt-svc'*) choices='show off on -h --help --socket -o --output' ;;
    ' lint'*) choices='-h --help --socket -o --output' ;;
    ' cert issue'*) choices='-h --help --name --drop-names --wait --timeout --socket -o --output' ;;
    ' cert list'*) choices='-h --help --watch --socket -o --output' ;;
    ' cert show'*) choices='-h --help --pem --socket -o --output' ;;
    ' cert check'*) choices='-h --help --socket -o --output' ;;
    ' cert'*) choices='issue list show check -h --help --socket -o --output' ;;
    ' challenge list'*) choices='-h --help --watch --socket -o --output' ;;
    ' challenge'*) choices='list -h --help --socket -o --output' ;;
    ' order list'*) choices='-h --help -n --count --watch --socket -o --output' ;;
    ' order show'*) choices='-h --help --watch --wait --timeout --socket -o --output' ;;
    ' order'*) choices='list show -h --help --socket -o --output' ;;
    ' generation list'*) choices='-h --help -n --count --watch --socket -o --output' ;;
    ' generation show'*) choices='-h --help --watch --socket -o --output' ;;
    ' generation diff'*) choices='-h --help --socket -o --output' ;;
    ' generation'*) choices='list show diff -h --help --socket -o --output' ;;
    ' completion'*) choices='-h --help --socket -o --output' ;;
    *) choices='status events version node token site policy quic-keys alt-svc lint cert challenge order generation completion -h --help --socket -o --output' ;;
  esac
  COMPREPLY=($(compgen -W "$choices" -- "$current"))
}
complete -F _lockstep lockstep
