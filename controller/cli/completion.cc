#include "controller/cli/completion.h"

#include <memory>
#include <vector>

#include "controller/cli/cli.h"

namespace lockstep::controller::cli {
namespace {

std::vector<const CLI::App*> ChildrenOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// "--watch", "-n", "--count": everything that starts with a dash.
std::vector<const CLI::Option*> OptionsOf(const CLI::App& app) {
  std::vector<const CLI::Option*> options;
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_lnames().empty() || !option->get_snames().empty()) options.push_back(option);
  }
  return options;
}

std::string Words(const CLI::App& app, const CLI::App& root) {
  std::string words;
  const auto add = [&words](const std::string& word) {
    words += (words.empty() ? "" : " ") + word;
  };
  for (const CLI::App* child : ChildrenOf(app)) add(child->get_name());
  for (const CLI::App* owner : {&app, &root}) {
    for (const CLI::Option* option : OptionsOf(*owner)) {
      for (const std::string& name : option->get_snames()) add("-" + name);
      for (const std::string& name : option->get_lnames()) add("--" + name);
    }
    if (owner == &root || &app == &root) break;
  }
  if (&app == &root) return words;
  return words;
}

std::string ZshQuoted(std::string text) {
  for (const std::string_view special : {"'", ":"}) {
    for (size_t at = text.find(special); at != std::string::npos; at = text.find(special, at + 2)) {
      text.replace(at, 1, special == "'" ? "’" : "\\:");
    }
  }
  return text;
}

void ZshCase(const CLI::App& app, const std::string& path, std::string& out) {
  out += "    '" + path + "')\n      words=(";
  for (const CLI::App* child : ChildrenOf(app)) {
    out += "\n        '" + child->get_name() + ":" + ZshQuoted(child->get_description()) + "'";
  }
  for (const CLI::Option* option : OptionsOf(app)) {
    for (const std::string& name : option->get_lnames()) {
      out += "\n        '--" + name + ":" + ZshQuoted(option->get_description()) + "'";
    }
  }
  out += ") ;;\n";
}

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  std::string out =
      "# bash completion of lockstep, made by `lockstep completion bash`\n"
      "_lockstep() {\n"
      "  local word path='' words='' current=\"${COMP_WORDS[COMP_CWORD]}\"\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    case \"$word\" in -*) ;; *) path=\"$path $word\" ;; esac\n"
      "  done\n"
      "  case \"${COMP_WORDS[COMP_CWORD-1]}\" in\n"
      "    -o|--output) COMPREPLY=($(compgen -W 'table json' -- \"$current\")); return ;;\n"
      "    -f|--file|--socket) COMPREPLY=($(compgen -f -- \"$current\")); return ;;\n"
      "  esac\n"
      "  case \"$path\" in\n";
  for (const CLI::App* noun : ChildrenOf(app)) {
    for (const CLI::App* verb : ChildrenOf(*noun)) {
      out += "    ' " + noun->get_name() + " " + verb->get_name() + "'*) words='" +
             Words(*verb, app) + "' ;;\n";
    }
    out += "    ' " + noun->get_name() + "'*) words='" + Words(*noun, app) + "' ;;\n";
  }
  out += "    *) words='" + Words(app, app) + "' ;;\n";
  return out +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "}\n"
         "complete -F _lockstep lockstep\n";
}

std::string ZshCompletion(const CLI::App& app) {
  std::string out =
      "#compdef lockstep\n"
      "# zsh completion of lockstep, made by `lockstep completion zsh`\n"
      "_lockstep_words() {\n"
      "  local word path=''\n"
      "  local -a words_before=(\"${(@)words[2,CURRENT-1]}\")\n"
      "  for word in $words_before; do\n"
      "    [[ $word == -* ]] || path=\"$path $word\"\n"
      "  done\n"
      "  case \"$words[CURRENT-1]\" in\n"
      "    -o|--output) _values format table json; return ;;\n"
      "    -f|--file|--socket) _files; return ;;\n"
      "  esac\n"
      "  local -a words\n"
      "  case \"$path\" in\n";
  ZshCase(app, "", out);
  for (const CLI::App* noun : ChildrenOf(app)) {
    ZshCase(*noun, " " + noun->get_name(), out);
    for (const CLI::App* verb : ChildrenOf(*noun)) {
      ZshCase(*verb, " " + noun->get_name() + " " + verb->get_name(), out);
    }
  }
  return out +
         "  esac\n"
         "  _describe 'lockstep' words\n"
         "}\n"
         "_lockstep_words \"$@\"\n";
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
