#include "controller/cli/completion.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "controller/cli/cli.h"

namespace lockstep::controller::cli {
namespace {

std::vector<const CLI::App*> ChildrenOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// "--watch", "-n", "--count": what starts with a dash.
std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// What may come after `app`'s own words: its verbs, its options, those of the whole program.
std::string WordsAfter(const CLI::App& app, const CLI::App& root) {
  std::vector<std::string> words;
  for (const CLI::App* child : ChildrenOf(app)) words.push_back(child->get_name());
  for (const CLI::App* owner : {&app, &root}) {
    for (const std::string& name : OptionNames(*owner)) {
      if (std::ranges::find(words, name) == words.end()) words.push_back(name);
    }
  }
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// One line of a shell's `case` for each command, the longer ones first: what was typed before may
// go on with arguments.
std::string Cases(const CLI::App& root) {
  std::string out;
  const auto add = [&](const std::string& pattern, const CLI::App& app) {
    out += "    " + pattern + ") choices='" + WordsAfter(app, root) + "' ;;\n";
  };
  for (const CLI::App* noun : ChildrenOf(root)) {
    for (const CLI::App* verb : ChildrenOf(*noun)) {
      add("' " + noun->get_name() + " " + verb->get_name() + "'*", *verb);
    }
    add("' " + noun->get_name() + "'*", *noun);
  }
  add("*", root);
  return out;
}

// The words before the cursor without options and their values, each after a space, in `typed`.
constexpr char kReadTyped[] =
    "    case \"$before\" in\n"
    "      -o|--output|--socket) ;;\n"
    "      *) case \"$word\" in -*) ;; *) typed=\"$typed $word\" ;; esac ;;\n"
    "    esac\n"
    "    before=\"$word\"\n";

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  return std::string(
             "# bash completion of lockstep, made by `lockstep completion bash`\n"
             "_lockstep() {\n"
             "  local word before='' typed='' choices='' current=\"${COMP_WORDS[COMP_CWORD]}\"\n"
             "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n") +
         kReadTyped +
         "  done\n"
         "  case \"$before\" in\n"
         "    -o|--output) COMPREPLY=($(compgen -W 'table json' -- \"$current\")); return ;;\n"
         "    -f|--file|--socket) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
         "  esac\n"
         "  case \"$typed\" in\n" +
         Cases(app) +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$choices\" -- \"$current\"))\n"
         "}\n"
         "complete -F _lockstep lockstep\n";
}

std::string ZshCompletion(const CLI::App& app) {
  return std::string(
             "#compdef lockstep\n"
             "# zsh completion of lockstep, made by `lockstep completion zsh`\n"
             "_lockstep() {\n"
             "  local word before='' typed='' choices=''\n"
             "  for word in \"${(@)words[2,CURRENT-1]}\"; do\n") +
         kReadTyped +
         "  done\n"
         "  case \"$before\" in\n"
         "    -o|--output) compadd table json; return ;;\n"
         "    -f|--file|--socket) _files; return ;;\n"
         "  esac\n"
         "  case \"$typed\" in\n" +
         Cases(app) +
         "  esac\n"
         "  compadd -- ${=choices}\n"
         "}\n"
         "_lockstep \"$@\"\n";
}

void AddCompletion(CLI::App& app, Session& session) {
  CLI::App* completion = app.add_subcommand("completion", "completions for a shell");
  auto shell = std::make_shared<std::string>();
  completion->add_option("shell", *shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  completion->callback([&app, &session, shell] {
    session.action = [&app, &session, shell] {
      session.out << (*shell == "bash" ? BashCompletion(app) : ZshCompletion(app));
      return ExitCode::kOk;
    };
  });
}

}  // namespace lockstep::controller::cli
