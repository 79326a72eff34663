# Completion of anemone for bash: verbs, options, values, files.
#
# SPDX-License-Identifier: Apache-2.0

_anemone()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local verbs='embed tokenize add search get rm ls stats check backup'
    verbs+=' compact inspect plan predict bench cache doctor watch help'
    local all='--json --quiet --verify --overcommit --help --version --model
        --store --collection --units --require --allow-fallback --precision
        --threads --cpu --buckets --cache-dir --log --log-format --tokenizer
        --pooling --normalize --lowercase --add-eos --padding --function
        --output-name --receipt-log --keep-warm --timeout'
    local verb='' own='' word

    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ " $verbs " == *" $word "* ]]; then
            verb=$word
            break
        fi
    done

    case $prev in
    --units) _anemone_words 'ALL CPU_AND_GPU CPU_AND_NE CPU_ONLY'; return ;;
    --require) _anemone_words 'none cpu gpu ane'; return ;;
    --allow-fallback) _anemone_words 'cpu gpu ane'; return ;;
    --precision) _anemone_words 'f32 bf16 int8 int4'; return ;;
    --cpu) _anemone_words 'scalar avx2 avxvnni avx512 avx512vnni
        avx512bf16 neon dotprod i8mm'; return ;;
    --pooling) _anemone_words 'mean cls last'; return ;;
    --normalize | --lowercase | --add-eos) _anemone_words 'yes no'; return ;;
    --padding) _anemone_words 'left right'; return ;;
    --log) _anemone_words 'error warn info debug'; return ;;
    --log-format) _anemone_words 'text json'; return ;;
    --encoding) _anemone_words 'float base64'; return ;;
    --on-error) _anemone_words 'stop skip'; return ;;
    --format) _anemone_words 'text npy'; return ;;
    --model | -m)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames 2>/dev/null
        return ;;
    --cache-dir | --report)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        compopt -o filenames 2>/dev/null
        return ;;
    --store | -s | --tokenizer | --receipt-log | --receipts | --jsonl | \
        --inputs | --from | --bundle | --output | -o)
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames 2>/dev/null
        return ;;
    --collection | -c | --threads | --buckets | --keep-warm | --timeout | \
        --dims | --max-tokens | --prompt | --prompt-text | --tokens | --idle | \
        --callers | --bulk | --seconds | --unused-days | --items | \
        --collections | --k | -k | --where | --meta | --index | \
        --experiment | --function | --output-name)
        return ;;
    esac

    case $verb in
    embed) own='--jsonl --encoding --prompt --prompt-text --dims --max-tokens
        --no-truncate --ids --receipt --on-error --format --output' ;;
    tokenize) own='--jsonl --pieces --no-special --on-error' ;;
    add) own='--jsonl --meta --index --on-error --no-truncate' ;;
    search) own='--k --where --receipt --hybrid --no-truncate' ;;
    get) own='--all --jsonl --vectors' ;;
    rm) own='--where' ;;
    inspect) own='--tensors --ops --strict' ;;
    plan) own='--from' ;;
    predict) own='--inputs' ;;
    bench) own='--tokens --idle --callers --bulk --seconds --lines --mission
        --evidence --quick --items --collections --k --where' ;;
    cache) own='--unused-days' ;;
    doctor) own='--quick --experiment --receipts --report
        --bundle --with-texts --settings' ;;
    watch) own='--receipts --once' ;;
    esac

    if [[ $cur == -* ]]; then
        _anemone_words "$own $all"
    elif [[ $verb == backup ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames 2>/dev/null
    elif [[ -z $verb || $verb == help ]]; then
        _anemone_words "$verbs"
    elif [[ $verb == cache ]]; then
        _anemone_words 'ls verify prune'
    elif [[ $verb == bench ]]; then
        mapfile -t COMPREPLY < <(compgen -f -W search -- "$cur")
        compopt -o filenames 2>/dev/null
    elif [[ $verb == inspect || $verb == plan || $verb == predict ||
        $verb == doctor ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames 2>/dev/null
    fi
}

_anemone_words()
{
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

complete -F _anemone anemone
