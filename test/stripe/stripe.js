// A stand-in for Stripe.js with the parts of it that a checkout needs: the
// Payment Element in a frame, and what confirms a payment. It refuses what
// Stripe.js refuses.
(() => {
  const origin = new URL(document.currentScript.src).origin;

  class IntegrationError extends Error {}
  const insist = (right, message) => {
    if (!right) throw new IntegrationError(message);
  };

  async function ask(path, body) {
    const response = await fetch(origin + path, { method: "POST", body: JSON.stringify(body) });
    return response.json();
  }

  function checkAmount({ mode, amount, currency }) {
    insist(["payment", "subscription", "setup"].includes(mode), `mode is ${mode}`);
    insist(Number.isSafeInteger(amount) && amount > 0, `amount is ${amount}, which is no positive number of cents`);
    insist(/^[a-z]{3}$/.test(currency), `currency is ${currency}`);
  }

  class Elements {
    constructor(options) {
      checkAmount(options);
      this.options = options;
    }

    create(type) {
      insist(type === "payment" && !this.frame, `create(${type})`);
      this.frame = document.createElement("iframe");
      this.frame.title = "Secure payment input frame";
      this.frame.src = `${origin}/elements?theme=${this.options.appearance?.theme ?? "stripe"}`;
      const listeners = {};
      this.ready = new Promise((resolve) => (this.isReady = resolve));
      window.addEventListener("message", ({ origin: sender, source, data }) => {
        if (sender !== origin || source !== this.frame.contentWindow) return;
        if (data.height) this.frame.height = data.height;
        if (data.ready) this.isReady(listeners.ready?.());
        if (data.card !== this.card && !data.ready) listeners.change?.();
        this.card = data.card;
        if (data.asked) this.answered();
      });
      return {
        on: (event, listener) => (listeners[event] = listener),
        mount: (target) => {
          const place = typeof target === "string" ? document.querySelector(target) : target;
          insist(place, `there is no ${target} to mount to`);
          this.frame.width = "100%";
          this.frame.setAttribute("frameborder", "0");
          place.replaceChildren(this.frame);
        },
      };
    }

    update(options) {
      this.options = { ...this.options, ...options };
      checkAmount(this.options);
    }

    async submit() {
      this.submitted = true;
      await this.ready;
      await new Promise((resolve) => {
        this.answered = resolve;
        this.frame.contentWindow.postMessage("what has been entered?", origin);
      });
      if (/^\d{16}$/.test(this.card ?? "")) return {};
      return { error: { type: "validation_error", message: "Your card number is incomplete." } };
    }
  }

  window.Stripe = (key, { stripeAccount } = {}) => {
    insist(/^pk_test_/.test(key), "the publishable key is missing");
    return {
      elements: (options) => new Elements(options),

      async confirmPayment({ elements, clientSecret, confirmParams }) {
        insist(elements.submitted, "elements.submit() must be called before confirmPayment()");
        insist(clientSecret && confirmParams.return_url, "clientSecret and return_url are required");
        const { mode, amount } = elements.options;
        const answer = await ask("/confirm", { key, account: stripeAccount, client_secret: clientSecret, card: elements.card, mode, amount });
        if (answer.error) return answer;
        const back = new URL(confirmParams.return_url);
        back.searchParams.set("payment_intent", answer.id);
        back.searchParams.set("payment_intent_client_secret", clientSecret);
        back.searchParams.set("redirect_status", answer.status === "succeeded" ? "succeeded" : "failed");
        location.assign(answer.elsewhere ? `${origin}/elsewhere?back=${encodeURIComponent(back)}` : back);
        return new Promise(() => {});
      },

      async retrievePaymentIntent(clientSecret) {
        const answer = await ask("/intent", { key, account: stripeAccount, client_secret: clientSecret });
        return answer.error ? answer : { paymentIntent: answer };
      },
    };
  };
})();
