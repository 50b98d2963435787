#include "controller/edge/ramp.h"

#include <algorithm>

namespace lockstep::controller::edge {
namespace {

constexpr Seconds kLeastFloor{300};
constexpr Seconds kMostCeiling{30 * 86400};
constexpr uint32_t kMostDoublings = 6;

// The rungs within floor and ceiling, shortest first; both bounds are among them.
std::vector<Rung> RungsOf(const RampOptions& options) {
  std::vector<Rung> out;
  const auto add = [&out](Rung rung) {
    if (!out.empty() && out.back().max_age == rung.max_age) {
      out.back().held = std::min(out.back().held, rung.held);
    } else {
      out.push_back(rung);
    }
  };
  for (Rung rung : options.rungs) {
    rung.max_age = std::clamp(rung.max_age, options.floor, options.ceiling);
    add(rung);
  }
  const Micros last_hold = out.empty() ? Micros(0) : out.back().held;
  if (out.empty() || out.front().max_age != options.floor) {
    out.insert(out.begin(), {options.floor, out.empty() ? last_hold : out.front().held});
  }
  if (out.back().max_age != options.ceiling) out.push_back({options.ceiling, last_hold});
  return out;
}

Micros PenaltyOf(const RampState& state, const RampOptions& options) {
  if (state.step_backs == 0) return Micros(0);
  return options.after_step_back * (int64_t{1} << std::min(state.step_backs - 1, kMostDoublings));
}

std::optional<Rung> NextRung(const RampState& state, const RampOptions& options) {
  const auto rungs = RungsOf(options);
  if (state.phase != RampPhase::kAdvertising) {
    return Rung{rungs.front().max_age, rungs.front().held + PenaltyOf(state, options)};
  }
  const auto next = std::find_if(rungs.begin(), rungs.end(),
                                 [&](const Rung& rung) { return rung.max_age > state.max_age; });
  return next == rungs.end() ? std::nullopt : std::optional<Rung>(*next);
}

// Takes the promise back, if there is one.
void TakeBack(RampStep* step) {
  if (step->state.phase == RampPhase::kAdvertising) step->state.phase = RampPhase::kClearing;
  step->state.max_age = Seconds(0);
  step->state.held_since.reset();
}

// "clear" goes on for as long as somebody may have to hear it.
void FinishClearing(const RampFacts& facts, RampStep* step) {
  const bool over = facts.run_out && facts.value_shown;
  if (step->state.phase == RampPhase::kClearing && over) step->state.phase = RampPhase::kSilent;
}

void Climb(const RampOptions& options, WallTime now, RampStep* step) {
  RampState& state = step->state;
  const auto next = NextRung(state, options);
  if (!next) {
    state.step_backs = 0;
    step->note = "promised for as long as the policy allows";
    return;
  }
  const WallTime due = *state.held_since + next->held;
  if (now < due) {
    step->look_at = due;
    step->note = "holds since " + FormatTime(*state.held_since) +
                 "; ma=" + std::to_string(next->max_age.count()) + " in " +
                 FormatDuration(due - now);
    return;
  }
  state.phase = RampPhase::kAdvertising;
  state.max_age = next->max_age;
  state.held_since.reset();
  step->note = "ma=" + std::to_string(next->max_age.count()) + " from now on";
}

void Decide(const RampFacts& facts, const RampOptions& options, WallTime now, RampStep* step) {
  RampState& state = step->state;
  if (!facts.wanted || facts.step_back) {
    const bool promised = state.phase == RampPhase::kAdvertising;
    if (promised && facts.wanted) ++state.step_backs;
    TakeBack(step);
    if (!promised) FinishClearing(facts, step);
    step->note = facts.wanted ? facts.step_back_reason : "HTTP/3 is not wanted for this site";
    return;
  }
  FinishClearing(facts, step);
  // A shorter age is as true as a longer one: no need to wait for anything.
  if (state.max_age > options.ceiling) state.max_age = options.ceiling;
  if (state.phase == RampPhase::kAdvertising) {
    state.max_age = std::max(state.max_age, options.floor);
  }
  if (!facts.proved || !facts.value_shown) {
    state.held_since.reset();
    step->note = facts.proved ? "not every node shows the present value yet" : facts.missing;
    return;
  }
  // A clock that went back has not held for less than nothing.
  if (!state.held_since || *state.held_since > now) state.held_since = now;
  Climb(options, now, step);
}

}  // namespace

Status Check(const RampOptions& options) {
  if (options.floor < kLeastFloor) {
    return InvalidArgument(
        "floor of ma is below 300 s: a browser that fails once avoids HTTP/3 for "
        "longer than that");
  }
  if (options.ceiling < options.floor) return InvalidArgument("ceiling of ma is below its floor");
  if (options.ceiling > kMostCeiling) return InvalidArgument("ceiling of ma is above 30 days");
  return {};
}

RampState Resume(RampState stored) {
  stored.held_since.reset();
  return stored;
}

AltSvc ValueOf(const RampState& state) {
  switch (state.phase) {
    case RampPhase::kAdvertising:
      return Promise({SameHostHttp3()}, state.max_age, false);
    case RampPhase::kClearing:
      return {.clear = true, .entries = {}};
    case RampPhase::kSilent:
      break;
  }
  return {};
}

RampStep Advance(const RampState& state, const RampFacts& facts, const RampOptions& options,
                 WallTime now) {
  RampStep step;
  step.state = state;
  Decide(facts, options, now, &step);
  step.value = ValueOf(step.state);
  return step;
}

}  // namespace lockstep::controller::edge
