// Part of the search page: tutorials and guides come first, and formulas in excerpts become words.
"use strict";

// Sphinx asks for the score of every result: [page, title, anchor, description, score, file, kind].
const TEACHES = /^(start|method|live|conventions|trajectories|sweeps|sharp_bits|accuracy|tutorials\/|guide\/)/;
const LATER = /^(development\/|benchmarks|gallery\/models\/)/;
var Scorer = {
  score: ([page, , anchor, , score, , kind]) =>
    score +
    (TEACHES.test(page) ? 25 : 0) +
    (page.startsWith("tutorials/") ? 5 : 0) -
    (LATER.test(page) ? 10 : 0) +
    (kind === "title" && !anchor ? 30 : 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};

const SYMBOLS = {
  alpha: "α", beta: "β", gamma: "γ", Gamma: "Γ", delta: "δ", Delta: "Δ", theta: "θ", vartheta: "ϑ", kappa: "κ",
  lambda: "λ", Lambda: "Λ", mu: "μ", nu: "ν", xi: "ξ", pi: "π", rho: "ρ", sigma: "σ", tau: "τ", phi: "φ", Phi: "Φ",
  chi: "χ", psi: "ψ", Psi: "Ψ", omega: "ω", Omega: "Ω", hbar: "ħ", langle: "⟨", rangle: "⟩", lvert: "|", rvert: "|",
  sum: "Σ", int: "∫", dagger: "†", uparrow: "↑", downarrow: "↓", Uparrow: "⇑", Downarrow: "⇓", to: "→", pm: "±",
  mp: "∓", le: "≤", ge: "≥", ne: "≠", approx: "≈", sim: "~", propto: "∝", times: "×", otimes: "⊗", infty: "∞",
  sqrt: "√", ln: "ln ", log: "log ", exp: "exp ", cos: "cos ", sin: "sin ", min: "min ", max: "max ", Tr: "Tr ",
  partial: "∂", dots: "...", ldots: "...", cdot: "·", in: "∈",
};

const ARGUMENT = String.raw`\s*(?:\{([^{}]*)\}|(\\[a-zA-Z]+|[^\s{}\\]))`;
const FRACTION = new RegExp(String.raw`\\[dt]?frac${ARGUMENT}${ARGUMENT}`, "g");

/** A formula in LaTeX as it would be typed. */
const typed = (formula) =>
  formula
    .replace(FRACTION, (all, top, topToken, bottom, bottomToken) => `${top ?? topToken}/${bottom ?? bottomToken}`)
    .replace(/\\([a-zA-Z]+)\s*/g, (all, name) => SYMBOLS[name] ?? "")
    .replace(/\\[,;!:\s]/g, " ")
    .replace(/[{}\\]|&amp;|\^(?=†)/g, "");

document.addEventListener("DOMContentLoaded", () => {
  const original = Search.htmlToText;
  Search.htmlToText = (html, anchor) =>
    original(html, anchor)
      .replace(/\\\[[\s\S]*?\\\]/g, "...")
      .replace(/\\\(([\s\S]*?)\\\)/g, (all, formula) => typed(formula));
});
