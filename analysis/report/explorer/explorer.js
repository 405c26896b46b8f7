// SPDX-License-Identifier: MIT
/* The explorer of a page: sliders, the decision, its regions, and the terms of each output. */
"use strict";

const SHOWN = 12; // sliders at once; a search finds the others
const TERMS = 16; // bars at once; the others are added up
const STEPS = 200; // of a slider
const COMPONENTS = 3; // that an index chooses from

class Explorer {
  constructor(root, id) {
    this.root = root;
    this.id = id;
    Object.assign(this, JSON.parse(root.querySelector("script").textContent));
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    for (const output of this.outputs) {
      output.compiled = Equations.compile(output.tree);
      output.parts = this._parts(output);
    }
    this.names = this.decision === "index"
      ? Array.from({ length: COMPONENTS }, (_, i) => `component ${i + 1}`)
      : this.outputs.map((output) => output.name);
    this.axes = [this.inputs[0]?.name, (this.inputs[1] ?? this.inputs[0])?.name];
    this.term = 0;
    this.picture = new Region.Picture(this.part("canvas"));
    this._start();
    this._controls();
    this.update();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.update());
  }

  get values() {
    return this.states[this.component];
  }

  /** Components start apart from each other: equal ones would make every choice the first. */
  _start() {
    const count = this.decision === "index" ? COMPONENTS : 1;
    this.component = 0;
    this.states = Array.from({ length: count }, (_, i) =>
      Object.fromEntries(this.inputs.map(({ name, low, high }) =>
        [name, low + ((high - low) * (2 - 0.5 * i)) / 4])));
  }

  /** Compile the terms that stand beside each other in an output. */
  _parts({ tree, terms }) {
    if (!terms) return null;
    const chain = terms.path.reduce((node, place) => node[place], tree);
    return {
      operators: `${"+-".includes(chain[1][0]) ? "+" : "*"}${chain[1]}`,
      whole: Equations.compile(chain),
      each: chain.slice(2).map(Equations.compile),
      ...terms,
    };
  }

  /** Decide where the given components' states stand: {numbers, chosen} or {fault}. */
  decide(states = this.states, outputs = this.outputs) {
    const cases = this.decision === "index"
      ? states.map((state) => [outputs[0], state])
      : outputs.map((output) => [output, states[0]]);
    const numbers = [];
    for (const [output, state] of cases) {
      const { value, fault } = Equations.evaluate(output.compiled, state);
      if (fault) return { fault: `${output.name} ${fault}` };
      numbers.push(value);
    }
    return Equations.decide(this.decision, this.outputs, numbers);
  }

  // Controls

  _controls() {
    const sliders = this.part("sliders");
    this.list = make("div", { class: "list" });
    if (this.decision === "index") sliders.append(this._componentChoice());
    if (this.inputs.length > SHOWN) sliders.append(this._search());
    sliders.append(this.list);
    if (!this.inputs.length) sliders.append(make("p", {}, "The decision depends on no feature."));
    sliders.append(make("button", { type: "button", onclick: () => { this._start(); this._listSliders(); this.update(); } },
      "Back to the middle of all ranges"));
    this._listSliders();

    const axes = this.part("axes");
    if (this.inputs.length) {
      ["across", "up"].forEach((label, i) => axes.append(this._select(label,
        this.inputs.map(({ name }) => [name, name]), this.axes[i],
        (name) => { this.axes[i] = name; this.update(); })));
    }
    const several = this.outputs.length > 1;
    const outputs = this.outputs.map((output, i) => [i, output.name]);
    if (several) {
      this.part("terms").append(this._select("Terms of", outputs, 0, (i) => { this.term = Number(i); this.update(); }));
    }
    if (several && this.decision === "ratio") {
      this.part("axes").append(this._select("shows", outputs, 0, (i) => { this.mapped = Number(i); this.update(); }));
    }
    this.mapped = 0;
    this.numbers = new Bars(this.part("numbers"), this.decision === "ratio" ? "Ratio"
      : this.decision === "softmax" ? "Probability" : "Value; the greatest is chosen");
    this.bars = new Bars(this.part("terms"), "");
    const canvas = this.part("canvas");
    const follow = (event) => {
      if (!(event.buttons & 1) || !this.inputs.length) return;
      const box = canvas.getBoundingClientRect();
      const shares = [(event.clientX - box.left) / box.width, 1 - (event.clientY - box.top) / box.height];
      this.axes.forEach((name, i) => this._set(name, this._at(name, Math.min(Math.max(shares[i], 0), 1))));
      this.update();
    };
    canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); follow(event); });
    canvas.addEventListener("pointermove", follow);
  }

  _select(label, options, chosen, onchange) {
    const id = `${this.id}-${label.replaceAll(" ", "-")}`;
    const select = make("select", { id, onchange: () => onchange(select.value) },
      ...options.map(([value, text]) => make("option", { value, selected: value === chosen }, String(text))));
    return make("span", { class: "choice" }, make("label", { for: id }, label), select);
  }

  _componentChoice() {
    const choose = (i) => () => { this.component = i; this._listSliders(); this.update(); };
    return make("fieldset", { class: "components" }, make("legend", {}, "The sliders move"),
      ...this.states.map((_, i) => make("label", {},
        make("input", { type: "radio", name: `${this.id}-component`, checked: i === 0, onchange: choose(i) }),
        ` ${this.names[i]}`)));
  }

  _search() {
    const id = `${this.id}-search`;
    this.query = make("input", { type: "search", id, oninput: () => { this._listSliders(); this.update(); } });
    return make("p", { class: "choice" }, make("label", { for: id },
      `${this.inputs.length} features; those that move the outputs most come first. Find`), this.query);
  }

  /** Show the sliders of the first inputs, or of the first whose names hold what is searched. */
  _listSliders() {
    const words = this.query?.value.trim().toLowerCase() ?? "";
    const found = this.inputs.filter(({ name }) => name.toLowerCase().includes(words)).slice(0, SHOWN);
    this.sliders = new Map();
    this.list.replaceChildren(...found.map((input) => this._slider(input)));
    if (!found.length && words) this.list.append(make("p", {}, "No feature has this in its name."));
  }

  _slider({ name, unit, low, high }) {
    const id = `${this.id}-${name}`;
    const range = make("input", { type: "range", id, min: 0, max: STEPS, step: 1,
      oninput: () => { this._set(name, this._at(name, range.value / STEPS)); this.update(); } });
    const exact = make("input", { type: "number", step: "any", "aria-label": `${name}, exact value`,
      onchange: () => {
        if (exact.value !== "" && Number.isFinite(exact.valueAsNumber)) this._set(name, exact.valueAsNumber);
        this.update();
      } });
    const beyond = make("span", { class: "beyond", hidden: true }, "outside the range seen in training");
    this.sliders.set(name, { range, exact, beyond, low, high, unit });
    return make("div", { class: "slider" },
      make("label", { for: id }, name, unit === "1" ? "" : make("small", {}, ` ${unit}`)),
      exact, range, make("span", { class: "ends", "aria-hidden": "true" },
        make("span", {}, shown(low)), beyond, make("span", {}, shown(high))));
  }

  /** Value of an input at a share of its range. */
  _at(name, share) {
    const { low, high } = this.inputs.find((input) => input.name === name);
    return share === 1 ? high : low + share * (high - low);
  }

  _set(name, value) {
    this.values[name] = value;
  }

  // What is shown

  update() {
    for (const [name, { range, exact, beyond, low, high, unit }] of this.sliders) {
      const value = this.values[name];
      range.value = Math.round(((value - low) / (high - low)) * STEPS);
      range.setAttribute("aria-valuetext", withUnit(value, unit));
      exact.value = Number(value.toPrecision(6));
      exact.dataset.value = String(value);
      beyond.hidden = value >= low && value <= high;
    }
    const decided = this.decide();
    this._showDecision(decided);
    this._showTerms();
    this._showRegion(decided);
  }

  _showDecision({ numbers, chosen, fault }) {
    const said = this.part("decision");
    said.classList.toggle("fault", Boolean(fault));
    const simple = this.decision === "ratio" && this.names.length === 1;
    this.part("numbers").hidden = Boolean(fault) || simple;
    if (fault) {
      said.replaceChildren(`No decision: ${fault}`);
      return;
    }
    if (simple) said.replaceChildren(`${this.names[0]} `, make("data", { value: numbers[0] }, shown(numbers[0])));
    else if (this.decision === "ratio") said.replaceChildren("Ratios");
    else said.replaceChildren(this.decision === "softmax" ? "Most probable: " : "Chosen: ",
      make("data", { value: chosen }, this.names[chosen]));
    if (simple) return;
    this.numbers.show(numbers.map((value, i) => ({
      name: this.names[i], value, size: value, chosen: this.decision !== "ratio" && i === chosen,
      colour: this.decision === "ratio" ? "var(--equation)" : Region.hue(i),
    })));
  }

  _showTerms() {
    const output = this.outputs[this.term];
    const { parts } = output;
    const state = this.values;
    if (!parts) {
      const { value } = Equations.evaluate(output.compiled, state);
      this.bars.show([{ name: "the whole", value, size: value }], `${output.name} has no terms to take apart`);
      return;
    }
    const sum = parts.operators[0] === "+";
    let rows = parts.each.map((term, i) => {
      const { value } = Equations.evaluate(term, state);
      const operator = parts.operators[i];
      if (sum) {
        const signed = operator === "-" ? -value : value;
        return { name: `${operator === "-" ? "−\u00a0" : i ? "+\u00a0" : ""}${parts.texts[i]}`, value: signed, size: signed };
      }
      const factor = operator === "/" ? 1 / value : value;
      return { name: `${operator === "/" ? "÷\u00a0" : i ? "×\u00a0" : ""}${parts.texts[i]}`, value: factor,
        size: Math.log(Math.abs(factor)), text: `× ${shown(factor)}` };
    });
    if (rows.length > TERMS) rows = this._largest(rows, sum);
    const { value } = Equations.evaluate(parts.whole, state);
    this.bars.show(rows, sum ? `${parts.symbol} = ${shown(value)}, the sum of`
      : `${parts.symbol} = ${shown(value)}, the product of (bars: logarithms)`);
  }

  _largest(rows, sum) {
    const sorted = [...rows].sort((a, b) => Math.abs(b.size) - Math.abs(a.size));
    const rest = sorted.slice(TERMS);
    const size = rest.reduce((total, row) => total + row.size, 0);
    const value = rest.reduce((all, row) => (sum ? all + row.value : all * row.value), sum ? 0 : 1);
    return [...sorted.slice(0, TERMS),
      { name: `the other ${rest.length} together`, value, size, text: sum ? undefined : `× ${shown(value)}` }];
  }

  _showRegion(decided) {
    this.part("region").hidden = !this.inputs.length;
    if (!this.inputs.length) return;
    const [across, up] = this.axes.map((name) => this.inputs.find((input) => input.name === name));
    // What stands still is computed once and not for every cell.
    const free = new Set(this.axes);
    const outputs = this.outputs.map((output) =>
      ({ ...output, compiled: Equations.compile(Equations.fold(output.tree, free, this.values)) }));
    const states = this.states.map((state) => ({ ...state }));
    const moving = states[this.component];
    const others = this.decision === "index" ? this._others() : null;
    const [low, high] = this.decision === "ratio" ? this.outputs[this.mapped].range : [0, 1];
    const undefinedColour = Region.variable("--line");
    const ramp = Array.from({ length: Region.BANDS }, (_, i) => Region.ramp((i + 0.5) / Region.BANDS));
    const hues = this.names.map((_, i) => Region.hue(i));
    this.colourAt = (x, y) => {
      moving[up.name] = up.low + y * (up.high - up.low);
      moving[across.name] = across.low + x * (across.high - across.low);
      const found = others ? this._against(others, outputs[0], moving) : this.decide(states, outputs);
      if (found.fault) return undefinedColour;
      if (this.decision !== "ratio") return hues[found.chosen];
      const share = (found.numbers[this.mapped] - low) / (high - low);
      return ramp[Math.min(Math.floor(share * Region.BANDS), Region.BANDS - 1)];
    };
    const at = [across, up].map(({ name, low: least, high: most }) =>
      (this.values[name] - least) / (most - least));
    this.picture.draw(this.colourAt, at);
    this._labels(across, up, decided);
    this._legend(low, high, ramp, hues);
  }

  /** Values of the components that stand still; null for the one that moves. */
  _others() {
    return this.states.map((state, i) =>
      i === this.component ? null : Equations.evaluate(this.outputs[0].compiled, state));
  }

  _against(others, output, moving) {
    const all = others.map((one) => one ?? Equations.evaluate(output.compiled, moving));
    const fault = all.find((one) => one.fault)?.fault;
    return fault ? { fault } : Equations.decide("index", this.outputs, all.map(({ value }) => value));
  }

  _labels(across, up, { fault, numbers, chosen }) {
    const now = fault ?? (this.decision === "ratio"
      ? `${this.names[this.mapped]} ${shown(numbers[this.mapped])}` : this.names[chosen]);
    const end = ({ low, high, unit }) => [withUnit(low, unit), withUnit(high, unit)];
    const [left, right] = end(across);
    const [bottom, top] = end(up);
    for (const [name, text] of Object.entries({ left, right, bottom, top, across: across.name, up: up.name })) {
      this.part(name).textContent = text;
    }
    this.part("canvas").setAttribute("aria-label",
      `Decision over ${across.name} from ${left} to ${right} and ${up.name} from ${bottom} to ${top}; here: ${now}`);
  }

  _legend(low, high, ramp, hues) {
    const legend = this.part("legend");
    const key = `${low} ${high} ${this.mapped} ${ramp.join()}`;
    if (legend.dataset.key === key) return;
    legend.dataset.key = key;
    const swatch = (colour) => {
      const mark = make("i", { "aria-hidden": "true" });
      mark.style.background = colour;
      return mark;
    };
    legend.replaceChildren(...(this.decision === "ratio"
      ? [shown(low), make("span", { class: "ramp" }, ...ramp.map(swatch)), shown(high)]
      : this.names.map((name, i) => make("span", { class: "key" }, swatch(hues[i]), name))));
  }
}

const explorers = [...document.querySelectorAll(".explorer")].map((root, i) => new Explorer(root, `explorer-${i + 1}`));
