"""Kauri Fitness Ltd: a New Zealand company, NZD, GST 15 %; the demo company of the stand-in."""

from __future__ import annotations

from decimal import Decimal

from sandbox.xero.charts import Chart, account, bank, rate

_ACCOUNTS = [
    bank("090", "Main Trading Account", "NZD", "0110220033004400"),
    bank(None, "Term Savings", "NZD", "0110220033004455"),
    account("200", "Sales", "REVENUE", "OUTPUT2"),
    account("210", "Memberships", "REVENUE", "OUTPUT2", Description="Monthly and yearly memberships"),
    account("215", "Retainers", "REVENUE", "OUTPUT2", Description="Company wellness retainers"),
    account("220", "Class Passes", "SALES", "OUTPUT2"),
    account("225", "Shop", "SALES", "OUTPUT2"),
    account("230", "Overseas Coaching", "REVENUE", "ZERORATED"),
    account("245", "Old Gym Hire", "REVENUE", "OUTPUT2", Status="ARCHIVED"),
    account("260", "Other Revenue", "OTHERINCOME", "OUTPUT2"),
    account("270", "Interest Income", "OTHERINCOME"),
    account("310", "Cost of Goods Sold", "DIRECTCOSTS", "INPUT2"),
    account("320", "Contract Trainers", "DIRECTCOSTS", "INPUT2"),
    account("400", "Advertising", "EXPENSE", "INPUT2"),
    account("404", "Card and Bank Fees", "EXPENSE", "INPUT2", EnablePaymentsToAccount=True),
    account("412", "Consulting", "EXPENSE", "INPUT2"),
    account("445", "Power", "OVERHEADS", "INPUT2"),
    account("469", "Rent", "OVERHEADS", "INPUT2"),
    account("477", "Salaries", "EXPENSE"),
    account("497", "Bank Revaluations", "EXPENSE", SystemAccount="BANKCURRENCYGAIN"),
    account("499", "Realised Currency Gains", "EXPENSE", SystemAccount="REALISEDCURRENCYGAIN"),
    account("610", "Accounts Receivable", "CURRENT", SystemAccount="DEBTORS"),
    account("630", "Shop Stock", "INVENTORY"),
    account("710", "Gym Equipment", "FIXED", "INPUT2"),
    account("711", "Depreciation on Gym Equipment", "DEPRECIATN"),
    account("800", "Accounts Payable", "CURRLIAB", SystemAccount="CREDITORS"),
    account("820", "GST", "CURRLIAB", SystemAccount="GST"),
    account("835", "Memberships in Advance", "CURRLIAB"),
    account("840", "Historical Adjustment", "CURRLIAB", SystemAccount="HISTORICAL"),
    account("855", "Card Clearing", "CURRLIAB", EnablePaymentsToAccount=True),
    account("860", "Rounding", "CURRLIAB", SystemAccount="ROUNDING"),
    account("877", "Tracking Transfers", "CURRLIAB", SystemAccount="TRACKINGTRANSFERS"),
    account("900", "Loan", "TERMLIAB"),
    account("960", "Retained Earnings", "EQUITY", SystemAccount="RETAINEDEARNINGS"),
    account("970", "Owner's Capital", "EQUITY"),
]

_RATES = [
    rate("OUTPUT", "12.5% GST on Income", "12.5", "AQLR", Status="DELETED"),
    rate("OUTPUT2", "15% GST on Income", "15", "AQLR", ReportTaxType="OUTPUT"),
    rate("INPUT2", "15% GST on Expenses", "15", "AQEL", ReportTaxType="INPUT"),
    rate("GSTONIMPORTS", "GST on Imports", "0", "AQELR"),
    rate("ZERORATED", "Zero Rated", "0", "AQELR", ReportTaxType="OUTPUT"),
    rate("NONE", "No GST", "0", "AQELR"),
]

CHART = Chart(
    key="nz",
    zone="Pacific/Auckland",
    organisation={
        "Name": "Kauri Fitness Ltd",
        "LegalName": "Kauri Fitness Limited",
        "PaysTax": True,
        "Version": "NZ",
        "OrganisationType": "COMPANY",
        "BaseCurrency": "NZD",
        "CountryCode": "NZ",
        "IsDemoCompany": True,
        "TaxNumber": "100-000-001",
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": 3,
        "SalesTaxBasis": "PAYMENTS",
        "SalesTaxPeriod": "TWOMONTHS",
        "Timezone": "NEWZEALANDSTANDARDTIME",
        "ShortCode": "!Kf4nZ",
        "Edition": "BUSINESS",
        "Class": "DEMO",
    },
    accounts=_ACCOUNTS,
    tax_rates=_RATES,
    currencies={"NZD": "New Zealand Dollar", "AUD": "Australian Dollar"},
    exchange={"AUD": Decimal("0.913000")},
    tracking={"Club": ["Ponsonby", "Takapuna"]},
)
