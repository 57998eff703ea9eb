// Browsers start no workers from files. The theme's search is one, so for pages that are read from
// the disk this stands in for `Worker`: the script runs in a hidden frame, and messages go both ways.
// The file's name tells the theme's "offline" plugin that it need not fetch such a thing itself.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    #frame = document.createElement("iframe")
    #waiting = []

    constructor(url) {
      super()
      const script = document.createElement("script")
      script.src = new URL(url, document.baseURI).href
      this.#frame.hidden = true
      this.#frame.srcdoc =
        `<script>self.postMessage = data => parent.postMessage(data, "*")</script>${script.outerHTML}`
      this.#frame.addEventListener("load", () => {
        const waiting = this.#waiting
        this.#waiting = null
        waiting.forEach(data => this.postMessage(data))
      })
      window.addEventListener("message", event => {
        if (event.source === this.#frame.contentWindow)
          this.dispatchEvent(new MessageEvent("message", { data: event.data }))
      })
      const add = () => document.body.append(this.#frame)
      document.body ? add() : document.addEventListener("DOMContentLoaded", add)
    }

    postMessage(data) {
      if (this.#waiting) this.#waiting.push(data)
      // Our own function: the frame's has been replaced, and would send it back to us.
      else window.postMessage.call(this.#frame.contentWindow, data, "*")
    }

    terminate() {
      this.#frame.remove()
    }
  }
}
