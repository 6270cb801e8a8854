// Formulas, written as \( ... \) and \[ ... \], become MathML, which the browser draws itself: no fonts, no styles.
document.querySelectorAll(".arithmatex").forEach((element) => {
  const text = element.textContent.trim();
  const displayMode = text.startsWith("\\[");
  katex.render(text.slice(2, -2), element, { displayMode, output: "mathml", throwOnError: false });
});
