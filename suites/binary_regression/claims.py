"""What the paper says happens: figures, theorems, tables, networks."""

from optathlon.spec import Claim
from optathlon.suites.binary_regression.extensions import EXTENSION_CLAIMS
from optathlon.suites.binary_regression.figure_claims import FIGURE_1_CLAIMS, FIGURE_2_CLAIMS, FIGURE_3_CLAIMS
from optathlon.suites.binary_regression.network_claims import NETWORK_CLAIMS
from optathlon.suites.binary_regression.table_claims import STAND_IN_CLAIMS, TABLE_1_CLAIMS
from optathlon.suites.binary_regression.theorem_claims import THEOREM_CLAIMS
from optathlon.suites.binary_regression.tuning import TUNED_CLAIMS

CLAIMS: tuple[Claim, ...] = (
    *(*FIGURE_1_CLAIMS, *FIGURE_2_CLAIMS, *FIGURE_3_CLAIMS, *THEOREM_CLAIMS),
    *(*TABLE_1_CLAIMS, *STAND_IN_CLAIMS, *NETWORK_CLAIMS, *EXTENSION_CLAIMS, *TUNED_CLAIMS),
)
