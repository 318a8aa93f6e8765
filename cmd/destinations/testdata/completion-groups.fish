# fish completion for destinations
complete -c destinations -f
complete -c destinations -l help -d 'Show context-sensitive help'
complete -c destinations -n __fish_use_subcommand -a list -d 'List'
complete -c destinations -n '__fish_seen_subcommand_from list; and not __fish_seen_subcommand_from dead' -l state -x -a 'on off ' -d ''
complete -c destinations -n __fish_use_subcommand -a dead -d 'Dead'
complete -c destinations -n '__fish_seen_subcommand_from dead; and not __fish_seen_subcommand_from list export ' -a list -d 'List the dead'
complete -c destinations -n '__fish_seen_subcommand_from list; and __fish_seen_subcommand_from dead' -l json -d ''
complete -c destinations -n '__fish_seen_subcommand_from dead; and not __fish_seen_subcommand_from list export ' -a export -d 'Export'
complete -c destinations -n '__fish_seen_subcommand_from export; and __fish_seen_subcommand_from dead' -l output -r -F -d ''
