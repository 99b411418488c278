// Keys for the review queue. Every page works without this file.
"use strict";
(() => {
  const page = document.querySelector("[data-keys]");
  if (!page) return;
  const actions = {};
  for (const element of page.querySelectorAll("[data-key]")) actions[element.dataset.key] = element;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inField = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (inField || localStorage.getItem("hie-keys") === "off") return;
    const element = actions[event.key.toLowerCase()];
    if (!element) return;
    event.preventDefault();
    element.click();
  });
  const toggle = page.querySelector("[data-keys-switch]");
  if (!toggle) return;
  toggle.hidden = false;
  const box = toggle.querySelector("input");
  box.checked = localStorage.getItem("hie-keys") !== "off";
  box.addEventListener("change", () => localStorage.setItem("hie-keys", box.checked ? "on" : "off"));
})();
