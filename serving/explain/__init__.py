"""From SHAP values to themes to sentences."""
