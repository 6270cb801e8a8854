// Mounts the option dicts of charts.py. Defines one name, `merx`:
//   merx.currency = {symbol, digits}
//   merx.mount(element, option) -> chart     also the way to show another option in a mounted element
//   merx.format.<name>(value)                numbers as formats.py writes them
// Colours follow the page: they are looked up anew when it turns dark or light, and light for paper.
"use strict";
const merx = (() => {
  const NONE = "–";
  const currency = { symbol: "", digits: 2 };
  const fixed = (value, digits) =>
    value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const known = (value) => typeof value === "number" && Number.isFinite(value);
  const signed = (value, text) => (value < 0 ? "−" : "") + text;

  const number = (value) => {
    if (!known(value)) return NONE;
    const size = Math.abs(value);
    let text;
    if (size >= 999950000) text = fixed(size / 1e9, 2) + "\u00a0bn";
    else if (size >= 999950) text = fixed(size / 1e6, 2) + "\u00a0M";
    else if (size >= 100 || Number.isInteger(value)) text = fixed(size, 0);
    else if (size >= 10) text = fixed(size, 1);
    else if (size >= 1) text = fixed(size, 2);
    else text = size >= 0.001 ? String(Number(size.toPrecision(3))) : "0";
    return text === "0" ? text : signed(value, text);
  };
  const amount = (value, digits) => {
    if (!known(value)) return NONE;
    const size = Math.abs(value);
    return signed(value, currency.symbol + (size >= 999950 ? number(size) : fixed(size, digits(size))));
  };
  const money = (value) => amount(value, (size) => (size >= 1000 ? 0 : currency.digits));
  const price = (value) =>
    known(value) ? signed(value, currency.symbol + fixed(Math.abs(value), currency.digits)) : NONE;
  const percent = (value) => {
    if (!known(value)) return NONE;
    const size = Math.abs(value);
    return signed(value, fixed(size * 100, size > 0 && size < 0.0995 ? 1 : 0) + "\u202f%");
  };
  const change = (value) => {
    if (!known(value)) return NONE;
    const text = fixed(Math.abs(value) * 100, 1);
    return (text === "0.0" ? "" : value > 0 ? "+" : "−") + text + "\u202f%";
  };
  const metric = (value) => (known(value) ? (Math.abs(value) < 100 ? fixed(value, 3) : number(value)) : NONE);
  const day = (value) => {
    const date = new Date(value);
    const whole = date.getHours() + date.getMinutes() === 0;
    const month = date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
    return whole ? month : `${month}, ${date.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" })}`;
  };
  // On an axis: round numbers without needless decimals.
  const short = (value) => {
    const size = Math.abs(value);
    if (size >= 1e6) return signed(value, Number((size / 1e6).toFixed(2)) + "\u00a0M");
    return signed(value, size.toLocaleString("en-US", { maximumFractionDigits: 2 }));
  };
  const axis = {
    number: short,
    metric: short,
    money: (value) => (value < 0 ? "−" : "") + currency.symbol + short(Math.abs(value)),
    price: (value) => currency.symbol + fixed(value, Number.isInteger(value) ? 0 : currency.digits),
    percent: (value) => Math.round(value * 100) + "\u202f%",
    day,
  };
  const format = { number, money, price, percent, change, metric, day };

  const escape = (text) =>
    String(text).replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

  // A tooltip's rows: values of the series under the pointer, intervals as low to high.
  const tooltip = (about) => (given) => {
    const params = Array.isArray(given) ? given : [given];
    const value = (id) => {
      const found = params.find((p) => p.seriesId === id);
      if (!found) return undefined;
      return Array.isArray(found.value) ? found.value[1] : found.value;
    };
    const head = about.x ? format[about.x](params[0].axisValue) : params[0].name;
    const rows = about.rows.flatMap((row) => {
      const low = value(row.series);
      if (!known(low)) return [];
      const write = format[row.format];
      const text = row.spread ? `${write(low)} to ${write(low + value(row.spread))}` : write(low);
      const dot = row.colour ? `<i style="background:${row.colour}"></i>` : "<i></i>";
      return [`<tr><th>${dot}${escape(row.name)}</th><td>${escape(text)}</td></tr>`];
    });
    if (!rows.length) return "";
    return `<div class="tip"><strong>${escape(head)}</strong><table>${rows.join("")}</table></div>`;
  };

  // A copy of the option with colours and formatters in place of their names.
  const fill = (option) => {
    const css = getComputedStyle(document.documentElement);
    const font = getComputedStyle(document.body).fontFamily;
    const about = option.merx || {};
    const copy = (value, key, parent) => {
      if (Array.isArray(value)) return value.map((v) => copy(v, key, parent));
      if (value && typeof value === "object") {
        return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, copy(v, k, key)]));
      }
      if (typeof value !== "string") return value;
      if (key === "fontFamily" && value === "inherit") return font;
      if (key === "appendTo") return value === "body" ? document.body : value;
      const colour = /^var\((--[a-z0-9-]+)\)$/.exec(value);
      if (colour) return css.getPropertyValue(colour[1]).trim();
      if (key === "formatter" && value === "merx:tooltip") return tooltip(about);
      const name = key === "formatter" && /^merx:([a-z]+)$/.exec(value);
      if (!name) return value;
      if (parent === "label") return (params) => format[name[1]](Array.isArray(params.value) ? params.value[1] : params.value);
      return axis[name[1]];
    };
    const { merx: _, ...rest } = option;
    return copy(rest, "", "");
  };

  const mounted = new Map(); // element -> {chart, option}
  const mount = (element, option) => {
    if (option.merx && option.merx.height) element.style.height = `${option.merx.height}px`;
    let held = mounted.get(element);
    if (!held) {
      held = { chart: echarts.init(element, null, { renderer: "svg" }) };
      mounted.set(element, held);
      new ResizeObserver(() => element.clientWidth && held.chart.resize()).observe(element);
    }
    held.option = option;
    held.chart.setOption(fill(option), { notMerge: true });
    held.chart.resize();
    return held.chart;
  };
  const repaint = () => {
    for (const [element, held] of mounted) {
      mount(element, held.option);
      element.dispatchEvent(new CustomEvent("merx:repaint"));
    }
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  addEventListener("beforeprint", () => {
    document.documentElement.dataset.theme = "light";
    repaint();
  });
  addEventListener("afterprint", () => {
    delete document.documentElement.dataset.theme;
    repaint();
  });

  return { currency, format, mount, escape, known };
})();
