// SPDX-License-Identifier: MIT
/* A map of what is decided over two features while all others stay where they are. */
"use strict";

const Region = (() => {
  const COARSE = 24; // cells per side of the picture that is there at once
  const FINE = 120; // and of the one that follows when nothing moves
  const BANDS = 12; // colours of a number: their edges are lines of equal value
  const SLICE = 8; // milliseconds of work between two frames
  const HUES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c3f", "#7b61c9"];

  const rgb = (code) => [1, 3, 5].map((i) => parseInt(code.slice(i, i + 2), 16));

  /** Colour of choice i: eight that most eyes tell apart, then these again, darker each time. */
  function hue(i) {
    const shade = 0.75 ** Math.floor(i / HUES.length);
    return `rgb(${rgb(HUES[i % HUES.length]).map((part) => Math.round(part * shade)).join(", ")})`;
  }

  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  /** Colour of a share between 0 and 1, in bands. */
  function ramp(share) {
    const low = rgb(variable("--region-low"));
    const high = rgb(variable("--region-high"));
    const step = Math.min(Math.floor(share * BANDS), BANDS - 1) / (BANDS - 1);
    return `rgb(${low.map((part, i) => Math.round(part + step * (high[i] - part))).join(", ")})`;
  }

  /**
   * Keep a canvas up to date. `colourAt(x, y)` gives the colour of a point, x and y between 0 and
   * 1 from the lower left; the cross stands at `at`, two such shares.
   */
  class Picture {
    constructor(canvas) {
      this.canvas = canvas;
      this.cells = document.createElement("canvas");
      this.frame = 0;
    }

    draw(colourAt, at) {
      cancelAnimationFrame(this.frame);
      this.at = at;
      this._start(COARSE, colourAt);
      while (!this._rows(Infinity));
      this._show();
      const refine = () => {
        const done = this._rows(performance.now() + SLICE);
        if (done) this._show();
        else this.frame = requestAnimationFrame(refine);
      };
      this.frame = requestAnimationFrame(() => {
        this._start(FINE, colourAt);
        refine();
      });
    }

    _start(size, colourAt) {
      const cells = document.createElement("canvas");
      cells.width = cells.height = size;
      Object.assign(this, { next: cells, pen: cells.getContext("2d"), row: 0, size, colourAt });
    }

    /** Fill rows until the time is over; say whether all are filled. */
    _rows(until) {
      const { size } = this;
      for (; this.row < size; this.row++) {
        if (performance.now() > until) return false;
        for (let column = 0; column < size; column++) {
          this.pen.fillStyle = this.colourAt((column + 0.5) / size, 1 - (this.row + 0.5) / size);
          this.pen.fillRect(column, this.row, 1, 1);
        }
      }
      this.cells = this.next;
      return true;
    }

    _show() {
      const { width, height } = this.canvas;
      const pen = this.canvas.getContext("2d");
      pen.imageSmoothingEnabled = false;
      pen.drawImage(this.cells, 0, 0, width, height);
      const [x, y] = [this.at[0] * width, (1 - this.at[1]) * height];
      const radius = width / 60;
      for (const [colour, line] of [["#000", 3.2], ["#fff", 1.6]]) {
        pen.beginPath();
        pen.arc(x, y, radius, 0, 2 * Math.PI);
        pen.lineWidth = line * (width / 480);
        pen.strokeStyle = colour;
        pen.stroke();
      }
    }
  }

  return { Picture, hue, ramp, variable, BANDS };
})();
