// SPDX-License-Identifier: MIT
/*
 * Values of expressions, from the trees that tree.py writes, with the semantics of
 * agents/equations/grammar.py: an expression has no value where it divides by zero on the way or
 * ends in NaN or infinity; infinities on the way to a finite value are no error.
 *
 * A tree is a number, the name of an input, or a list: ["neg", x], ["pow", base, exponent],
 * ["chain", operators, first, second, …], or a function's name and its arguments.
 */
"use strict";

const Equations = (() => {
  const UNARY = {
    exp: Math.exp, log: Math.log, sqrt: Math.sqrt, sin: Math.sin,
    cos: Math.cos, tan: Math.tan, tanh: Math.tanh, abs: Math.abs,
  };
  const VARIADIC = { min: Math.min, max: Math.max };

  function power(base, exponent) {
    // As in IEEE 754: JavaScript says NaN here.
    const one = base === 1 || (base === -1 && Math.abs(exponent) === Infinity);
    return one ? 1 : Math.pow(base, exponent);
  }

  const operandsOf = (tree) => tree.slice(tree[0] === "chain" ? 2 : 1);

  /** Make a tree a function of values by name and of marks, which note a division by zero. */
  function compile(tree) {
    if (typeof tree === "number") return () => tree;
    if (typeof tree === "string") return (values) => values[tree];
    const operands = operandsOf(tree).map(compile);
    const [one, two] = operands;
    switch (tree[0]) {
      case "neg":
        return (values, marks) => -one(values, marks);
      case "pow":
        return (values, marks) => {
          const base = one(values, marks);
          const exponent = two(values, marks);
          if (base === 0 && exponent < 0) marks.divided = true;
          return power(base, exponent);
        };
      case "chain":
        return chain(tree[1], operands);
    }
    if (Object.hasOwn(UNARY, tree[0])) {
      const apply = UNARY[tree[0]];
      return (values, marks) => apply(one(values, marks));
    }
    if (Object.hasOwn(VARIADIC, tree[0])) {
      const choose = VARIADIC[tree[0]];
      return (values, marks) =>
        operands.map((operand) => operand(values, marks)).reduce((a, b) => choose(a, b));
    }
    throw new Error(`an expression holds '${tree[0]}', which this page does not know`);
  }

  function chain(operators, operands) {
    return (values, marks) => {
      let result = operands[0](values, marks);
      for (let i = 1; i < operands.length; i++) {
        const right = operands[i](values, marks);
        switch (operators[i - 1]) {
          case "+": result += right; break;
          case "-": result -= right; break;
          case "*": result *= right; break;
          default:
            if (right === 0) marks.divided = true;
            result /= right;
        }
      }
      return result;
    };
  }

  /** Evaluate what compile made: {value, fault}, the fault in words or "". */
  function evaluate(compiled, values) {
    const marks = { divided: false };
    const value = compiled(values, marks);
    const fault = marks.divided ? "divides by zero"
      : Number.isNaN(value) ? "is not a number"
      : Number.isFinite(value) ? "" : "is infinite";
    return { value, fault };
  }

  /**
   * Replace by numbers what does not depend on the inputs in free, a Set of names. Numbers of a sum
   * are added first, so that its last digits may differ: this is for pictures.
   */
  function fold(tree, free, values) {
    if (typeof tree === "number") return tree;
    if (typeof tree === "string") return free.has(tree) ? tree : values[tree];
    const operands = operandsOf(tree).map((operand) => fold(operand, free, values));
    const folded = [...tree.slice(0, tree.length - operands.length), ...operands];
    if (!operands.every((operand) => typeof operand === "number")) {
      return tree[0] === "chain" && "+-".includes(tree[1][0]) ? gathered(tree[1], operands) : folded;
    }
    const marks = { divided: false };
    const value = compile(folded)({}, marks);
    // A division by zero stays in the tree, to be found wherever it is evaluated.
    return marks.divided ? folded : value;
  }

  /** A sum with its numbers added up in front. */
  function gathered(operators, operands) {
    let total = 0;
    const signs = [];
    const rest = [];
    operands.forEach((operand, i) => {
      const sign = i ? operators[i - 1] : "+";
      if (typeof operand === "number") total += sign === "+" ? operand : -operand;
      else {
        signs.push(sign);
        rest.push(operand);
      }
    });
    return ["chain", signs.join(""), total, ...rest];
  }

  const greatest = (numbers) =>
    numbers.reduce((best, number, i) => (number > numbers[best] ? i : best), 0);

  /**
   * Decide from the values of all outputs or, for "index", of all components:
   * {numbers, chosen}: ratios, probabilities or values, and the place of the greatest, the first
   * of equals.
   */
  function decide(decision, outputs, numbers) {
    const chosen = greatest(numbers);
    if (decision === "ratio") {
      const clipped = numbers.map((number, i) =>
        Math.min(Math.max(number, outputs[i].range[0]), outputs[i].range[1]));
      return { numbers: clipped, chosen };
    }
    if (decision === "softmax") {
      const weights = numbers.map((number) => Math.exp(number - numbers[chosen]));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      return { numbers: weights.map((weight) => weight / total), chosen };
    }
    return { numbers, chosen };
  }

  return { compile, evaluate, fold, decide };
})();
