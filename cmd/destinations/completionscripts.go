package main

// The scripts, as templates of a [completion]. None needs anything but its shell.

// bashCompletion knows that bash makes "=" a word of its own.
const bashCompletion = `# bash completion for {{.Name}}
_{{.Name}}() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= i
    if [[ $current == = ]]; then
        current=
    elif [[ $previous == = ]]; then
        previous=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for ((i = 1; i < COMP_CWORD && COMP_CWORD > 1; i++)); do
        case $command${command:+ }${COMP_WORDS[i]} in
{{- range .Commands}}
        {{quote .Full}}) command={{quote .Full}} ;;
{{- end}}
        esac
    done
    COMPREPLY=()
    case $command:$previous in
{{- range .Flags}}{{if .Value}}
    *:--{{.Name}}) {{template "values" .}} return ;;
{{- end}}{{end}}
{{- range $command := .Commands}}{{range .Flags}}{{if .Value}}
    {{quote $command.Full}}:--{{.Name}}) {{template "values" .}} return ;;
{{- end}}{{end}}{{end}}
    esac
    case $command:$current in
    :-*) COMPREPLY=($(compgen -W '{{template "flags" .Flags}}' -- "$current")) ;;
    :*) COMPREPLY=($(compgen -W '{{range .Commands}}{{if not .In}}{{.Name}} {{end}}{{end}}' -- "$current")) ;;
{{- range .Commands}}
    {{quote .Full}}:-*) COMPREPLY=($(compgen -W '{{template "flags" $.Flags}}{{template "flags" .Flags}}' -- "$current")) ;;
    {{quote .Full}}:*) {{template "values" .}} ;;
{{- end}}
    esac
}
complete -F _{{.Name}} {{.Name}}
{{define "flags"}}{{range .}}--{{.Name}} {{end}}{{end}}
{{- define "values"}}{{if .Words}}COMPREPLY=($(compgen -W '{{range .Words}}{{.}} {{end}}' -- "$current"));
{{- else if .Files}}compopt -o default 2>/dev/null;
{{- else if .Folders}}compopt -o dirnames 2>/dev/null;{{end}}{{end}}`

// zshCompletion works both where zsh looks for it and when it is sourced.
const zshCompletion = `#compdef {{.Name}}
# zsh completion for {{.Name}}
_{{.Name}}() {
    local context state state_descr line
    typeset -A opt_args
    _arguments -C {{template "flags" .Flags}} \
        '1:command:->command' '*::argument:->arguments'
    case $state in
    command)
        local -a commands
        commands=(
{{- range .Commands}}{{if not .In}}
            {{quote (printf "%s:%s" .Name (sentence .Help))}}
{{- end}}{{end}}
        )
        _describe command commands ;;
    arguments)
        local command=$line[1]
        case $command in
{{- range .Commands}}{{if .Group}}
        {{.Name}})
            if (( CURRENT > 2 )); then
                command="$command $words[2]"
                shift words
                (( CURRENT-- ))
            fi ;;
{{- end}}{{end}}
        esac
        case $command in
{{- range .Commands}}
        {{quote .Full}})
            _arguments {{template "flags" $.Flags}}{{template "flags" .Flags}} \
                '*:argument:{{template "values" .}}' ;;
{{- end}}
        esac ;;
    esac
}
if [[ $funcstack[1] == _{{.Name}} ]]; then
    _{{.Name}} "$@"
else
    compdef _{{.Name}} {{.Name}}
fi
{{define "flags"}}{{range .}} \
        {{if .Value}}'--{{.Name}}='{{quote (bracketed .Help)}}':value:{{template "values" .}}'{{else}}'--{{.Name}}'{{quote (bracketed .Help)}}{{end}}{{end}}{{end}}
{{- define "values"}}{{if .Words}}({{range .Words}}{{.}} {{end}}){{else if .Files}}_files{{else if .Folders}}_files -/{{else}} {{end}}{{end}}`

const fishCompletion = `# fish completion for {{.Name}}
complete -c {{.Name}} -f
{{- range .Flags}}
complete -c {{$.Name}} -l {{.Name}}{{template "values" .}} -d {{quote (sentence .Help)}}
{{- end}}
{{- range $command := .Commands}}
{{- if .In}}
complete -c {{$.Name}} -n '__fish_seen_subcommand_from {{.In}}; and not __fish_seen_subcommand_from {{range $.Commands}}{{if eq .In $command.In}}{{.Name}} {{end}}{{end}}' -a {{.Name}} -d {{quote (sentence .Help)}}
{{- else}}
complete -c {{$.Name}} -n __fish_use_subcommand -a {{.Name}} -d {{quote (sentence .Help)}}
{{- end}}
{{- range .Flags}}
complete -c {{$.Name}} -n '{{template "chosen" $command}}' -l {{.Name}}{{template "values" .}} -d {{quote (sentence .Help)}}
{{- end}}
{{- if .Files}}
complete -c {{$.Name}} -n '{{template "chosen" .}}' -F
{{- end}}
{{- if and .Words (not .Group)}}
complete -c {{$.Name}} -n '{{template "chosen" .}}' -a '{{range .Words}}{{.}} {{end}}'
{{- end}}
{{- end}}
{{define "chosen"}}__fish_seen_subcommand_from {{.Name}}{{if .In}}; and __fish_seen_subcommand_from {{.In}}{{end}}
{{- range .Not}}; and not __fish_seen_subcommand_from {{.}}{{end}}{{end}}
{{- define "values"}}{{if .Words}} -x -a '{{range .Words}}{{.}} {{end}}'
{{- else if .Files}} -r -F
{{- else if .Folders}} -x -a '(__fish_complete_directories)'
{{- else if .Value}} -x{{end}}{{end}}`
