// One key, one button: the key clicks the button that says the same, so that both always do the same thing.
const WRITING = 'input, textarea, select, [contenteditable="true"], [role="combobox"], [role="listbox"], [role="dialog"]';
const ITS_OWN = { Enter: "button, a, summary", ArrowLeft: '[role="radiogroup"], [role="radio"]', ArrowRight: '[role="radiogroup"], [role="radio"]' };
const DRAWN = '.stApp[data-test-script-state="notRunning"]';
const CHANGES = { subtree: true, childList: true, attributes: true, attributeFilter: ["class", "disabled", "data-card", "data-test-script-state"] };

// Streamlit calls the function below once more when its data changes, and ends only what the last call began.
let leave = () => {};

export default function ({ data }) {
  leave();
  let meant = null;
  const onShow = () => document.querySelector("[data-card]")?.dataset.card;
  // A text can be on show before its buttons are: they come one by one, and their code is loaded with the first. So the
  // key waits for its button. One that judges is forgotten with its card: nobody judges what he has not read.
  const click = () => {
    const card = onShow();
    const drawn = document.querySelector(DRAWN) !== null;
    const past = meant.judges && card !== meant.card && (card !== undefined || drawn);
    const button = past ? null : document.querySelector(`.st-key-${CSS.escape(meant.name)} button`);
    if (button ? button.disabled && !drawn : !past && (card !== undefined || !drawn)) return;
    meant = null;
    changes.disconnect();
    button?.click();
  };
  const changes = new MutationObserver(click);
  const press = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const name = Object.hasOwn(data.keys, key) ? data.keys[key] : null;
    if (!name || event.target.closest?.(WRITING) || event.target.closest?.(ITS_OWN[key] ?? ":not(*)")) return;
    // Before Streamlit hears it: its own keys clear the cache and run the page again.
    event.preventDefault();
    event.stopImmediatePropagation();
    // A key held down would judge what nobody has read.
    if (event.repeat) return;
    const card = onShow();
    meant = { card, name: name.replace("{card}", card), judges: name.includes("{card}") };
    changes.observe(document.body, CHANGES);
    click();
  };
  const mine = () => {
    window.removeEventListener("keydown", press, true);
    changes.disconnect();
    if (leave === mine) delete document.body.dataset.keys;
  };
  leave = mine;
  window.addEventListener("keydown", press, true);
  document.body.dataset.keys = "on";
  return mine;
}
