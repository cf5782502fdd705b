// Code points, as the API counts them, not UTF-16 units: an emoji is one character.
export default function ({ data, parentElement }) {
  const line = parentElement.querySelector(".v-count");
  const number = new Intl.NumberFormat(data.language);
  let shown = null;

  const show = () => {
    const box = document.querySelector(data.box);
    const count = box ? [...box.value].length : 0;
    if (count === shown) return;
    shown = count;
    const one = count === 1 || (count === 0 && data.language === "fr");
    const form = count > data.limit ? data.over : one ? data.one : data.other;
    line.textContent = form
      .replace("{count}", number.format(count))
      .replace("{limit}", number.format(data.limit));
    line.classList.toggle("v-over", count > data.limit);
  };

  // Typing fires an event; a text put into the box by the page does not, hence the slow look beside it.
  const look = setInterval(show, 400);
  document.addEventListener("input", show, true);
  show();
  return () => {
    clearInterval(look);
    document.removeEventListener("input", show, true);
  };
}
