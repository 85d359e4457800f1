"""Below these a model cannot be learned, or should not be trusted."""

#: Customers that a model is learned from, at least.
MIN_CUSTOMERS = 100
#: Fewer customers than this carry a model whose figures are uncertain.
FEW_CUSTOMERS = 500
#: Customers of either outcome.
MIN_OUTCOMES = 20
#: Churn rates outside of the first pair carry no model; outside of the second they are worth a second look.
CHURN_RATES, USUAL_CHURN_RATES = (0.005, 0.995), (0.03, 0.6)
#: Products that can be offered.
MIN_PRODUCTS = 10
