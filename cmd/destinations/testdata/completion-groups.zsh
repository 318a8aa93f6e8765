#compdef destinations
# zsh completion for destinations
_destinations() {
    local context state state_descr line
    typeset -A opt_args
    _arguments -C  \
        '--help''[Show context-sensitive help]' \
        '1:command:->command' '*::argument:->arguments'
    case $state in
    command)
        local -a commands
        commands=(
            'list:List'
            'dead:Dead'
        )
        _describe command commands ;;
    arguments)
        local command=$line[1]
        case $command in
        dead)
            if (( CURRENT > 2 )); then
                command="$command $words[2]"
                shift words
                (( CURRENT-- ))
            fi ;;
        esac
        case $command in
        'list')
            _arguments  \
        '--help''[Show context-sensitive help]' \
        '--state=''[]'':value:(on off )' \
                '*:argument: ' ;;
        'dead')
            _arguments  \
        '--help''[Show context-sensitive help]' \
                '*:argument:(list export )' ;;
        'dead list')
            _arguments  \
        '--help''[Show context-sensitive help]' \
        '--json''[]' \
                '*:argument: ' ;;
        'dead export')
            _arguments  \
        '--help''[Show context-sensitive help]' \
        '--output=''[]'':value:_files' \
                '*:argument: ' ;;
        esac ;;
    esac
}
if [[ $funcstack[1] == _destinations ]]; then
    _destinations "$@"
else
    compdef _destinations destinations
fi
