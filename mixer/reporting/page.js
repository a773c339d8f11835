"use strict";
(() => {
  const root = document.documentElement;
  const theme = document.getElementById("theme");
  const themes = ["system", "light", "dark"];
  let at = 0;
  theme.hidden = false;
  theme.addEventListener("click", () => {
    at = (at + 1) % themes.length;
    if (at) root.dataset.theme = themes[at];
    else delete root.dataset.theme;
    theme.textContent = "Theme: " + themes[at];
  });

  const form = document.getElementById("filter");
  if (!form) return;
  const source = document.getElementById("source");
  const text = document.getElementById("text");
  const shown = document.getElementById("shown");
  const none = document.getElementById("none");
  const groups = [...document.querySelectorAll(".group")];
  const names = [...source.options].map((option) => option.textContent);
  const plain = (value) => value.normalize("NFKC").toLowerCase();
  const cards = [...document.querySelectorAll(".card")].map((card) => ({
    card,
    leaf: card.dataset.leaf,
    said: plain(card.textContent),
  }));

  const narrow = () => {
    const leaf = source.value === "" ? null : names[source.selectedIndex];
    const words = plain(text.value).split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { card, leaf: own, said } of cards) {
      const fits = (leaf === null || own === leaf) && words.every((word) => said.includes(word));
      card.hidden = !fits;
      count += fits;
    }
    for (const group of groups) group.hidden = !group.querySelector(".card:not([hidden])");
    shown.textContent = count + " of " + cards.length + " shown";
    none.hidden = count > 0;
  };
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", narrow);
  narrow();
})();
