// Copying: the text beside the button, and the button says that it is done.
"use strict";
(() => {
  document.documentElement.classList.add("scripted");

  async function copy(button) {
    const text = button.parentElement.parentElement.querySelectorAll("[data-copied]");
    const beside = [...text].find((one) => button.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING);
    if (!beside) return;
    if (navigator.clipboard) await navigator.clipboard.writeText(beside.textContent);
    else {
      // Without TLS there is no clipboard: it is selected, and Ctrl+C is left to do.
      getSelection().selectAllChildren(beside);
      return;
    }
    const use = button.querySelector("use");
    use.setAttribute("href", "#i-check");
    document.getElementById("announcer").textContent = "Copied";
    setTimeout(() => use.setAttribute("href", "#i-copy"), 1500);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (button) copy(button);
  });
})();
