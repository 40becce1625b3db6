// Looks closer at the timeline: drag over a time, pinch, or use keys and buttons. The picture is
// whole without it; it only shows a part of what is drawn.
"use strict";
for (const timeline of document.querySelectorAll(".timeline")) {
  const told = JSON.parse(timeline.querySelector("script").textContent);
  const length = told.length;
  const shortest = Math.max(20, Math.min(length, 2 * told.interval));
  const pictures = [...timeline.querySelectorAll("svg.run")].map(svg => ({
    svg,
    plot: svg.querySelector(".plot"),
    marks: svg.querySelector(".axis-marks"),
    numbers: [...svg.querySelectorAll("text.fault")],
    left: +svg.dataset.left,
    inner: +svg.dataset.inner,
    bottom: +svg.dataset.bottom,
  }));
  let from = 0;
  let to = length;

  const make = (name, attributes, parent) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    return parent.appendChild(element);
  };
  const step = (span, count) => {
    const magnitude = 10 ** Math.floor(Math.log10(span / count));
    return magnitude * [1, 2, 2.5, 5, 10].find(factor => factor * magnitude >= span / count);
  };

  function draw() {
    for (const { plot, marks, numbers, left, inner, bottom } of pictures) {
      const place = ms => left + (ms - from) / (to - from) * inner;
      plot.setAttribute("viewBox", `${from / length * inner} 0 ${(to - from) / length * inner} ${bottom}`);
      marks.replaceChildren();
      const every = step(to - from, +marks.dataset.count);
      const digits = [0, 1, 2].find(digits => Number.isInteger(+(every / 1000 * 10 ** digits).toFixed(6))) ?? 3;
      for (let ms = Math.ceil(from / every) * every; ms <= to + 1e-6; ms += every) {
        const x = place(ms).toFixed(1);
        make("line", { class: "tick", x1: x, x2: x, y1: bottom, y2: bottom + 4 }, marks);
        make("text", { class: "axis middle", x, y: bottom + 18 }, marks).textContent =
          `${(ms / 1000).toFixed(digits)} s`;
      }
      let written = -Infinity;
      for (const number of numbers) {
        const x = place(+number.dataset.at);
        const fits = x >= left && x <= left + inner && x - written >= 16;
        number.setAttribute("x", x.toFixed(1));
        number.classList.toggle("crowded", !fits);
        if (fits) written = x;
      }
    }
    for (const button of buttons) button.disabled = button.dataset.whole && from <= 0 && to >= length;
  }

  function show(wantedFrom, wantedTo) {
    const span = Math.min(length, Math.max(shortest, wantedTo - wantedFrom));
    const middle = (wantedFrom + wantedTo) / 2;
    from = Math.min(Math.max(0, middle - span / 2), length - span);
    to = from + span;
    draw();
  }
  const zoom = (factor, at = (from + to) / 2) => show(at - (at - from) * factor, at + (to - at) * factor);
  const move = part => show(from + part * (to - from), to + part * (to - from));
  const whole = () => show(0, length);

  // Buttons, and a line that tells about the time under the pointer.
  const bar = document.createElement("div");
  bar.className = "bar";
  const buttons = [
    ["+", "look closer", () => zoom(0.5)], ["−", "see more", () => zoom(2)],
    ["←", "earlier", () => move(-0.4)], ["→", "later", () => move(0.4)], ["Whole run", "", whole],
  ].map(([words, label, act]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    if (label) button.setAttribute("aria-label", label);
    if (act === whole) button.dataset.whole = "1";
    button.addEventListener("click", act);
    bar.append(button);
    return button;
  });
  const hint = matchMedia("(pointer: coarse)").matches
    ? "Drag over a time or pinch to look closer."
    : "Drag over a time to look closer; double-click or Esc shows the whole run.";
  const reading = document.createElement("output");
  reading.textContent = hint;
  bar.append(reading);
  timeline.prepend(bar);

  const milliseconds = ms => ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms >= 10 ? ms.toFixed(0) : ms.toFixed(1)} ms`;
  function tell(at) {
    const row = told.rows[Math.min(told.rows.length - 1, Math.floor(at / told.interval))];
    const parts = [`${(at / 1000).toFixed(2)} s`];
    if (row) {
      const [served, failed, unknown, p50, p99] = row;
      parts.push(`${Math.round(served * 1000 / told.interval).toLocaleString("en-US")} answers/s`);
      if (failed) parts.push(`${failed} failed`);
      if (unknown) parts.push(`${unknown} unknown`);
      if (served) parts.push(`median ${milliseconds(p50)}, 99 % ${milliseconds(p99)}`);
    }
    told.faults.forEach(([begin, end, words], number) => {
      if (at >= begin && at <= end) parts.push(`fault ${number + 1}: ${words}`);
    });
    const master = told.masters.filter(([since]) => since <= at).pop();
    if (master && master[1]) parts.push(`master ${master[1]}`);
    reading.textContent = parts.join(" · ");
  }

  for (const { svg, left, inner, bottom } of pictures) {
    const shade = make("rect", { class: "chosen", y: 20, height: bottom - 20, width: 0, x: 0 }, svg);
    const hair = make("line", { class: "hair", y1: 20, y2: bottom, x1: -9, x2: -9 }, svg);
    const units = event => {
      const box = svg.getBoundingClientRect();
      return (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    };
    const time = x => from + Math.min(1, Math.max(0, (x - left) / inner)) * (to - from);
    const pointers = new Map();
    let begin = null;
    let pinch = null;
    const forget = () => { begin = null; shade.setAttribute("width", 0); };
    svg.addEventListener("pointerdown", event => {
      if (event.button) return;
      svg.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, units(event));
      if (pointers.size === 2) {
        forget();
        const [one, other] = [...pointers.values()];
        pinch = { one: time(one), other: time(other) };
      } else {
        begin = units(event);
      }
    });
    svg.addEventListener("pointermove", event => {
      const x = units(event);
      if (pointers.has(event.pointerId)) pointers.set(event.pointerId, x);
      if (pinch && pointers.size === 2) {
        // The times under both fingers stay under them.
        const [one, other] = [...pointers.values()].map(x => (x - left) / inner);
        if (Math.abs(other - one) > 0.02) {
          const span = (pinch.other - pinch.one) / (other - one);
          if (span > 0) show(pinch.one - one * span, pinch.one - one * span + span);
        }
        return;
      }
      const inside = Math.min(left + inner, Math.max(left, x));
      hair.setAttribute("x1", inside);
      hair.setAttribute("x2", inside);
      tell(time(x));
      if (begin !== null) {
        const start = Math.min(left + inner, Math.max(left, begin));
        shade.setAttribute("x", Math.min(start, inside));
        shade.setAttribute("width", Math.abs(inside - start));
      }
    });
    const release = event => {
      pointers.delete(event.pointerId);
      if (pinch) { if (!pointers.size) pinch = null; return; }
      if (begin !== null && event.type === "pointerup" && Math.abs(units(event) - begin) > 6) {
        const [one, other] = [time(begin), time(units(event))];
        show(Math.min(one, other), Math.max(one, other));
      }
      forget();
    };
    svg.addEventListener("pointerup", release);
    svg.addEventListener("pointercancel", release);
    svg.addEventListener("pointerleave", () => {
      hair.setAttribute("x1", -9);
      hair.setAttribute("x2", -9);
      reading.textContent = hint;
    });
    svg.addEventListener("dblclick", whole);
    svg.addEventListener("wheel", event => {
      // A pinch on a touchpad; a plain wheel scrolls the page.
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, time(units(event)));
    }, { passive: false });
  }
  timeline.addEventListener("keydown", event => {
    const act = {
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "ArrowLeft": () => move(-0.2),
      "ArrowRight": () => move(0.2), "Home": () => show(0, to - from), "End": () => show(length - (to - from), length),
      "Escape": whole, "0": whole,
    }[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
    tell((from + to) / 2);
  });
  // Other parts of the page lead to their times.
  document.addEventListener("click", event => {
    const link = event.target.closest("a[data-from]");
    if (!link) return;
    event.preventDefault();
    show(+link.dataset.from, +link.dataset.to);
    timeline.scrollIntoView({ block: "start", behavior: "smooth" });
    timeline.focus({ preventScroll: true });
  });
  timeline.classList.add("alive");
  draw();
}
