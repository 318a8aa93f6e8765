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
        case ${COMP_WORDS[i]} in
{{- range .Commands}}
        {{.Name}}) command={{.Name}}; break ;;
{{- end}}
        esac
    done
    COMPREPLY=()
    case $command:$previous in
{{- range .Flags}}{{if .Value}}
    *:--{{.Name}}) {{template "values" .}} return ;;
{{- end}}{{end}}
{{- range $command := .Commands}}{{range .Flags}}{{if .Value}}
    {{$command.Name}}:--{{.Name}}) {{template "values" .}} return ;;
{{- end}}{{end}}{{end}}
    esac
    case $command:$current in
    :-*) COMPREPLY=($(compgen -W '{{template "flags" .Flags}}' -- "$current")) ;;
    :*) COMPREPLY=($(compgen -W '{{range .Commands}}{{.Name}} {{end}}' -- "$current")) ;;
{{- range .Commands}}
    {{.Name}}:-*) COMPREPLY=($(compgen -W '{{template "flags" $.Flags}}{{template "flags" .Flags}}' -- "$current")) ;;
    {{.Name}}:*) {{template "values" .}} ;;
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
{{- range .Commands}}
            {{quote (printf "%s:%s" .Name (sentence .Help))}}
{{- end}}
        )
        _describe command commands ;;
    arguments)
        case $line[1] in
{{- range .Commands}}
        {{.Name}})
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
complete -c {{$.Name}} -n __fish_use_subcommand -a {{.Name}} -d {{quote (sentence .Help)}}
{{- range .Flags}}
complete -c {{$.Name}} -n '__fish_seen_subcommand_from {{$command.Name}}' -l {{.Name}}{{template "values" .}} -d {{quote (sentence .Help)}}
{{- end}}
{{- if .Files}}
complete -c {{$.Name}} -n '__fish_seen_subcommand_from {{.Name}}' -F
{{- end}}
{{- if .Words}}
complete -c {{$.Name}} -n '__fish_seen_subcommand_from {{.Name}}' -a '{{range .Words}}{{.}} {{end}}'
{{- end}}
{{- end}}
{{define "values"}}{{if .Words}} -x -a '{{range .Words}}{{.}} {{end}}'
{{- else if .Files}} -r -F
{{- else if .Folders}} -x -a '(__fish_complete_directories)'
{{- else if .Value}} -x{{end}}{{end}}`
