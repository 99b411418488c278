// Keys for those who work with these pages all day. Every page works without this file.
"use strict";
(() => {
  const actions = new Map();
  for (const element of document.querySelectorAll("[data-key]")) actions.set(element.dataset.key, element);
  const remembered = (() => {
    try {
      return localStorage;
    } catch {
      return {}; // storage is switched off
    }
  })();
  const areOn = () => (remembered["hie-keys"] ?? "on") !== "off";
  const show = () => document.documentElement.toggleAttribute("data-keys", areOn());

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
    const target = event.target;
    if (event.key === "Escape" && target.matches("input, textarea, select")) target.blur();
    if (!areOn() || target.matches("input, textarea, select")) return;
    const element = actions.get(event.key.toLowerCase());
    if (!element) return;
    event.preventDefault();
    if (element.matches("textarea, input")) element.focus();
    else element.click();
  };

  // a form is sent once, however often its button is pressed
  const onSubmit = (event) => {
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "yes";
  };

  const box = document.querySelector("[data-keys-switch] input");
  if (box) {
    box.closest("[data-keys-switch]").hidden = false;
    box.checked = areOn();
    box.addEventListener("change", () => {
      remembered["hie-keys"] = box.checked ? "on" : "off";
      show();
    });
  }
  show();
  document.addEventListener("keydown", onKey);
  document.addEventListener("submit", onSubmit);
  addEventListener("pageshow", () => {
    for (const form of document.forms) delete form.dataset.sent;
  });
})();
