// The clipboard needs https or localhost, and a visitor may refuse it: then the old way, then the text itself.
export default function ({ data, parentElement }) {
  const button = parentElement.querySelector("button");
  const status = parentElement.querySelector("p");
  const area = parentElement.querySelector("textarea");
  button.textContent = data.button;
  area.setAttribute("aria-label", data.area);
  if (area.value !== data.text) {
    area.value = data.text;
    area.hidden = true;
    status.textContent = "";
  }

  const copyTheOldWay = () => {
    area.hidden = false;
    area.focus();
    area.select();
    try {
      return document.execCommand("copy");
    } catch {
      return false;
    }
  };

  button.onclick = async () => {
    let copied = true;
    try {
      await navigator.clipboard.writeText(data.text);
    } catch {
      copied = copyTheOldWay();
    }
    area.hidden = copied;
    status.textContent = copied ? data.done : data.refused;
    if (copied) button.focus();
  };
}
